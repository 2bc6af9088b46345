"""Hand-over: a web API that gets the files of a delivery, once they are at the destination."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from sluice.model.declared import Declared, Duration


class HandOver(Declared):
    """Adobe Target's Bulk Profile Update API: each file of a delivery is posted as one batch."""

    type: Literal["adobe-target"]
    client: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")
    """The client code of the Target account."""
    version: Literal["v1", "v2"] = "v2"
    """The version of the API. `v2` also creates profiles that Target does not know; it does not fit `pcId` if visitors
    are identified by their Experience Cloud ID. `v1` only updates profiles."""
    airflow_conn_id: str = ""
    """An Airflow connection of type `generic`, whose password is the API's token. Default: the API needs none."""
    url: str = Field(default="", pattern=r"^(https?://[A-Za-z0-9.:-]+)?$")
    """The address of the server. Default: `https://CLIENT.tt.omtrdc.net`."""
    timeout: Duration = Field(default=timedelta(minutes=5), gt=timedelta(0))
    """The longest wait for the answer to one batch."""

    @property
    def address(self) -> str:
        """Where batches are posted."""
        base = self.url or f"https://{self.client}.tt.omtrdc.net"
        version = "v2/" if self.version == "v2" else ""
        return f"{base}/m2/{self.client}/{version}profile/batchUpdate"
