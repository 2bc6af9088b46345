"""Connections: the places that exports deliver to, as administrators declare them. They never hold a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args

from pydantic import AfterValidator, model_validator

from sluice.definition.models.audience import AudienceManager
from sluice.definition.models.catalog import Contacts, Dataset, Kind
from sluice.definition.models.chunks import Profile, ProfileName, profile_of
from sluice.definition.models.consent import Consent, Suppression
from sluice.definition.models.hand_over import HandOver
from sluice.definition.models.limits import Limits
from sluice.definition.models.targets import TARGETS, TargetName
from sluice.destinations import DESTINATIONS
from sluice.destinations.base import DestinationConfig
from sluice.encryption.openpgp import OpenPgp
from sluice.formats import FORMATS
from sluice.formats.base import Format
from sluice.model.declared import Declared, Name, Role, Title

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
    target: TargetName | None = None
    """A known target, such as `google-ads`. It sets `takes`, `requires` and `limits`, as far as the connection does
    not."""
    takes: tuple[Kind, ...] = get_args(Kind)
    """The kinds of dataset and segment that the target accepts. Default: those of the known target, otherwise every
    kind."""
    requires: tuple[str, ...] = ()
    """The fields that every segment export to this target must send. Default: those of the known target."""
    consent: Consent | None = None
    """The consent that every row to this connection needs, in addition to that of the export."""
    suppress: tuple[Suppression, ...] = ()
    """The lists of those who are never delivered to this connection, in addition to those of the export."""
    limits: Limits = Limits()
    """The limits of the target. Each that is missing is that of the known target."""
    split_segments: bool = False
    """Whether the target takes a segment over `records_per_segment` as several segments. Exports decide with
    `over_limit: split`."""
    openpgp: OpenPgp | None = None
    """How parts are encrypted before they are sent. Default: not encrypted."""
    audience_manager: AudienceManager | None = None
    """The account in Adobe Audience Manager that the files are for. Each run checks its segment there, and creates its
    trait. Default: none."""
    hand_over: HandOver | None = None
    """A web API that gets the files of each delivery, once they are at the destination and the delivery is decided.
    Default: none."""
    profile: ProfileName | None = None
    """The target's own rules. `data-workbench`: 1,000 to 50,000 records per chunk (default: 10,000); no retries by
    default, and a constant delay before each; no spaces or multibyte characters in paths; a time limit of 10 minutes
    by default. `experience-platform`: dataset exports have the schedules, formats and sizes that Experience Platform
    allows."""

    @property
    def rules(self) -> Profile:
        """The rules of its profile, or the standard rules if it has no profile."""
        return profile_of(self.profile)

    def contacts_of(self, dataset: Dataset) -> Contacts | None:
        """The contacts that a segment of the dataset is delivered as; None if its own rows are delivered."""
        needed = "contact" in self.takes and dataset.kind not in self.takes
        return dataset.contacts if needed else None

    @property
    def pool(self) -> str | None:
        """The Airflow pool of the tasks that send to it; None if their number is unlimited."""
        return f"sluice_{self.name}" if self.limits.at_once else None

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, data: Any) -> Any:
        """Move the destination's keys under `destination`: in a file they stand next to the connection's own keys. Add
        those of the known target."""
        if not isinstance(data, dict) or "destination" in data:
            return data
        own = {key: value for key, value in data.items() if key in cls.model_fields}
        if isinstance(name := own.get("target"), str) and name in TARGETS:
            own = TARGETS[name].under(own)
        return own | {"destination": {key: value for key, value in data.items() if key not in own}}
