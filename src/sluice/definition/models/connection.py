"""Connections: where exports deliver to, as administrators declare them. Never a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, get_args

from pydantic import Field, model_validator

from sluice.definition.models.catalog import Kind
from sluice.definition.models.chunks import Profile, ProfileName, profile_of
from sluice.destinations import DESTINATIONS
from sluice.destinations.base import DestinationConfig
from sluice.encryption.openpgp import OpenPgp
from sluice.formats import FORMATS
from sluice.formats.base import Format
from sluice.model.declared import SLOTS, Declared, Name, Title

if TYPE_CHECKING:
    AnyDestination = DestinationConfig
    AnyFormat = Format
else:
    AnyDestination = DESTINATIONS.union()
    AnyFormat = FORMATS.union()


class Limits(Declared):
    """What the target takes at most; an export beyond a limit is skipped with a warning, never cut short."""

    records_per_segment: int | None = Field(default=None, ge=1)
    """Most records of one segment."""
    at_once: int | None = Field(default=None, ge=1, le=SLOTS)
    """Most tasks that send to it at the same time, over all exports: an Airflow pool, `sluice_<connection>`."""


class Connection(Declared):
    """A named place to deliver to, shared by any number of exports."""

    inline: ClassVar[frozenset[str]] = frozenset({"destination"})

    name: Name
    title: Title = ""
    """The name people see; the connection's own name unless given."""
    destination: AnyDestination
    """Where the files go."""
    format: AnyFormat | None = None
    """The format of exports that declare none."""
    shared_with: tuple[str, ...] = ()
    """The roles of contributors who may use it; administrators always may."""
    takes: tuple[Kind, ...] = get_args(Kind)
    """The kinds of dataset, and of segment, that the target takes."""
    requires: tuple[str, ...] = ()
    """Fields that every segment export to this target must send."""
    limits: Limits = Limits()
    """What the target takes at most."""
    openpgp: OpenPgp | None = None
    """How its parts are encrypted before they are sent; not at all unless given."""
    profile: ProfileName | None = None
    """The target's own rules for chunks and paths. `data-workbench`: 1,000 to 50,000 records a chunk, 10,000 unless
    declared; no retries unless declared, and pauses that stay as they are; no space and no multibyte character in a
    path."""

    @property
    def rules(self) -> Profile:
        """The profile's rules; the standard ones where it has none."""
        return profile_of(self.profile)

    @property
    def pool(self) -> str | None:
        """The Airflow pool of the tasks that send to it; None where any number may."""
        return f"sluice_{self.name}" if self.limits.at_once else None

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, data: Any) -> Any:
        """A file is flat: the keys that are not the connection's own are its destination's."""
        if not isinstance(data, dict) or "destination" in data:
            return data
        own = {key: value for key, value in data.items() if key in cls.model_fields}
        return own | {"destination": {key: value for key, value in data.items() if key not in own}}
