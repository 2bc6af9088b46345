"""Azure Storage: Blob containers, Data Lake Gen2 filesystems and Adobe's Data Landing Zone, through the Blob API.

A Data Lake account supports the Blob API and the Data Lake API. Blocks of the Blob API become visible together, when
their list is committed; the Data Lake API would show a file while it grows. Uncommitted blocks are invisible, and Azure
drops them after a week, so there is nothing to abort. If two uploads have the same name, the first to be committed
discards the other's blocks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Literal
from urllib.parse import parse_qs

from pydantic import Field

from sluice.destinations.base import Capabilities, Destination
from sluice.destinations.blobs import Container
from sluice.destinations.failures import Origin, label
from sluice.destinations.objects import ObjectStore, ObjectStoreConfig
from sluice.errors import DefinitionError
from sluice.filesystem.clients import blob_address, container_client
from sluice.model.access import AzureAccess, Connections

_Scope = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{3,63}$")]


class AzureConfig(ObjectStoreConfig):
    """The keys that every Azure container has."""

    can: ClassVar[Capabilities] = Capabilities(checksum=True, separate=False, discards=False)

    @property
    def scope(self) -> str | None:
        """The encryption scope of every file; None leaves it to the container."""
        return None

    def _access(self, connections: Connections, name: str) -> AzureAccess:
        access = connections.get(self.airflow_conn_id)
        if not isinstance(access, AzureAccess):
            raise DefinitionError(
                f"connection {name}: the Airflow connection {self.airflow_conn_id} is not of type wasb or adls",
                next_step="name a connection of type wasb or adls",
            )
        return access

    def _container(self, access: AzureAccess, container: str, address: str, *, name: str, threads: int) -> ObjectStore:
        if access.container not in (None, container):
            raise DefinitionError(
                f"connection {name}: the SAS URL in the Airflow connection {self.airflow_conn_id} is for the container "
                f"{access.container}, not {container}",
                next_step="declare the container that the SAS URL names",
            )
        origin = Origin(name, self.airflow_conn_id, f"container {container}", "")
        _refuse_expired(access, origin)
        client = container_client(access, container, waits=self.waits(threads))
        store = Container(client, self.scope)
        server = replace(origin, server=blob_address(access))
        return ObjectStore(store, self, server, threads=threads, address=address)


def _refuse_expired(access: AzureAccess, origin: Origin) -> None:
    """Raise `FatalError` if the SAS token has expired: the server would only say that it does not know the caller."""
    ends = parse_qs(access.sas or "").get("se", [""])[0]
    try:
        over = bool(ends) and datetime.fromisoformat(ends).astimezone(UTC) < datetime.now(UTC)
    except ValueError:
        return
    if over:
        raise origin.fatal(
            f"the SAS token of the Airflow connection {origin.airflow_conn_id} expired at {ends}",
            f"get a new one, and put it into the Airflow connection {origin.airflow_conn_id}",
        )


class AzureBlob(AzureConfig):
    """A Blob container. The Airflow connection is of type `wasb` and holds a connection string, key, SAS or service
    principal."""

    type: Literal["azure-blob"]
    container: str
    """The container's name."""
    encryption_scope: _Scope | None = None
    """The encryption scope of every file, as named in the storage account. Default: the container's own."""

    allowed: ClassVar[str] = r"[0-9A-Za-z/!\-_.*'()]"

    @property
    def scope(self) -> str | None:
        return self.encryption_scope

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        access = self._access(connections, name)
        host = label(access.endpoint_url or f"https://{access.account}.blob.core.windows.net").rstrip("/")
        return self._container(access, self.container, f"{host}/{self.container}", name=name, threads=threads)


class Adls(AzureConfig):
    """A Data Lake Storage Gen2 filesystem. The Airflow connection is of type `adls` and holds a service principal or
    key."""

    type: Literal["adls"]
    filesystem: str
    """The name of the filesystem, which is also that of its container."""
    encryption_scope: _Scope | None = None
    """The encryption scope of every file, as named in the storage account. Default: the filesystem's own."""

    @property
    def scope(self) -> str | None:
        return self.encryption_scope

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        access = self._access(connections, name)
        address = f"abfss://{self.filesystem}@{access.account}.dfs.core.windows.net"
        return self._container(access, self.filesystem, address, name=name, threads=threads)


class DataLandingZone(AzureConfig):
    """Adobe's Data Landing Zone: a Blob container reached by its SAS URL. The Airflow connection is of type `wasb` and
    holds the URL in its extra `sas_token`. Adobe deletes files after seven days: they must be imported before."""

    type: Literal["data-landing-zone"]
    container: str = "dlz-destination"
    """The container's name. Adobe's container for destinations is `dlz-destination`."""

    can: ClassVar[Capabilities] = Capabilities(checksum=True, separate=False, discards=False, keeps=timedelta(days=7))

    def open(self, connections: Connections, *, name: str, threads: int) -> Destination:
        access = self._access(connections, name)
        if not access.sas:
            raise DefinitionError(
                f"connection {name}: the Airflow connection {self.airflow_conn_id} has no SAS URL",
                next_step="put the landing zone's SASUri into the extra `sas_token`; renew it before it expires",
            )
        host = label(access.endpoint_url or f"https://{access.account}.blob.core.windows.net").rstrip("/")
        return self._container(access, self.container, f"{host}/{self.container}", name=name, threads=threads)
