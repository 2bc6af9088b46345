"""Connections: the places that exports deliver to, as administrators declare them. They never hold a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args

from pydantic import AfterValidator, Field, model_validator

from sluice.definition.models.catalog import Kind
from sluice.definition.models.chunks import Profile, ProfileName, profile_of
from sluice.destinations import DESTINATIONS
from sluice.destinations.base import DestinationConfig
from sluice.encryption.openpgp import OpenPgp
from sluice.formats import FORMATS
from sluice.formats.base import Format
from sluice.model.declared import SLOTS, Declared, Name, Role, Title

if TYPE_CHECKING:
    AnyDestination = DestinationConfig
    AnyFormat = Format
else:
    AnyDestination = DESTINATIONS.union()
    AnyFormat = FORMATS.union()


VIEWER = "sluice-viewer"
"""The role of those who only see."""


def _contributor(role: str) -> str:
    """A role that a connection can be shared with."""
    if role in (VIEWER, "Public"):
        whose = "who only see" if role == VIEWER else "without a login"
        raise ValueError(f"`{role}` is the role of people {whose}: name a role of contributors")
    return role


class Limits(Declared):
    """The limits of the target. An export beyond a limit is skipped with a warning; it is never truncated."""

    records_per_segment: int | None = Field(default=None, ge=1)
    """The maximum number of records in one segment."""
    at_once: int | None = Field(default=None, ge=1, le=SLOTS)
    """The maximum number of tasks that send to this connection in parallel, across all exports. Enforced by the Airflow
    pool `sluice_<connection>`."""


class Connection(Declared):
    """A named place to deliver to. Any number of exports can share it."""

    inline: ClassVar[frozenset[str]] = frozenset({"destination"})

    name: Name
    title: Title = ""
    """The display name. Default: the connection's name."""
    destination: AnyDestination
    """The place that files are delivered to."""
    format: AnyFormat | None = None
    """The default format of exports to this connection."""
    shared_with: tuple[Annotated[Role, AfterValidator(_contributor)], ...] = ()
    """The contributor roles that may use the connection. Administrators always may."""
    takes: tuple[Kind, ...] = get_args(Kind)
    """The kinds of dataset and segment that the target accepts."""
    requires: tuple[str, ...] = ()
    """The fields that every segment export to this target must send."""
    limits: Limits = Limits()
    """The limits of the target."""
    openpgp: OpenPgp | None = None
    """How parts are encrypted before they are sent. Default: not encrypted."""
    profile: ProfileName | None = None
    """The target's own rules for chunks and paths. `data-workbench`: 1,000 to 50,000 records per chunk (default:
    10,000); no retries by default, and a constant delay before each; no spaces or multibyte characters in paths."""

    @property
    def rules(self) -> Profile:
        """The rules of its profile, or the standard rules if it has no profile."""
        return profile_of(self.profile)

    @property
    def pool(self) -> str | None:
        """The Airflow pool of the tasks that send to it; None if their number is unlimited."""
        return f"sluice_{self.name}" if self.limits.at_once else None

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, data: Any) -> Any:
        """Move the destination's keys under `destination`: in a file they stand next to the connection's own keys."""
        if not isinstance(data, dict) or "destination" in data:
            return data
        own = {key: value for key, value in data.items() if key in cls.model_fields}
        return own | {"destination": {key: value for key, value in data.items() if key not in own}}
