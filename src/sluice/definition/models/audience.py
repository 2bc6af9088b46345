"""Adobe Audience Manager: the keys of a connection, and those of a segment export to it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from sluice.model.declared import Declared, Duration


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_CODE = "[A-Za-z0-9_.-]{1,100}"
_NAMED = rf"^([1-9][0-9]{{0,17}}|ic:{_CODE})$"


def _named(text: str) -> str:
    if not re.fullmatch(_NAMED, text):
        raise ValueError("not in Audience Manager's notation: write an id such as 12345, or ic:CODE")
    return text


def _code(text: str) -> str:
    if not re.fullmatch(_CODE, text):
        raise ValueError("not the name of a data provider: write letters, digits, `_`, `.` and `-`, at most 100")
    return text


Named = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(_named),
    WithJsonSchema({"type": ["string", "integer"], "pattern": _NAMED, "examples": ["12345", "ic:loyal-customers"]}),
]
"""Something in Audience Manager: its id, or `ic:` and its integration code."""
Provider = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(_code),
    WithJsonSchema({"type": ["string", "integer"], "pattern": f"^{_CODE}$", "examples": ["895"]}),
]
"""The name of a data provider: letters, digits, `_`, `.` and `-`."""


class AudienceManager(Declared):
    """The account in Audience Manager that a connection's files are for."""

    airflow_conn_id: str
    """The Airflow connection, of type `http`, with the client's id and secret."""
    data_provider: Provider
    """The name of the folders for traits and for segments in Audience Manager. A run creates them if they do not
    exist."""
    data_source: int | None = Field(default=None, ge=1)
    """The id of the data source of what a run creates. Default: the data provider, if it is a number."""
    trait_days: int = Field(default=120, ge=0)
    """The number of days for which a visitor keeps a trait that a run creates; 0 for good."""
    timeout: Duration = Field(default=timedelta(seconds=30), gt=timedelta(0))
    """The maximum duration of one request."""
    retry_for: Duration = timedelta(minutes=3)
    """How long a failed request is retried, with exponential backoff, before the failure is reported."""

    @model_validator(mode="after")
    def _has_a_source(self) -> AudienceManager:
        if self.data_source is None and not self.data_provider.isdigit():
            raise ValueError(f"`{self.data_provider}` is not a number: add `data_source`, the id of its data source")
        return self

    @property
    def source(self) -> int:
        """The id of the data source."""
        return self.data_source or int(self.data_provider)


class Audience(Declared):
    """The segment in Audience Manager that an export is for."""

    id: Named
    """The segment in Audience Manager: its id, such as `12345`, which must exist; or `ic:` and its integration code. A
    segment that is named by its code is created if it does not exist."""
    visitor_id: str
    """The field that holds the visitor's id, by its name in the file. Rows without a value there are rejected."""
    trait: Named | None = None
    """The onboarded trait that the members receive: its id, which must exist; or `ic:` and its integration code. A
    trait that is named by its code is created if it does not exist. Default: `ic:<data provider>-<segment>`."""

    def in_file(self, provider: str) -> str:
        """The trait as inbound files have it."""
        name = self.trait_of(provider)
        return f"ic={name.removeprefix('ic:')}" if name.startswith("ic:") else f"d_sid={name}"

    def trait_of(self, provider: str) -> str:
        """The trait that the members receive."""
        return self.trait or f"ic:{provider}-{self.id.removeprefix('ic:')}"
