"""The catalog: datasets, their segments, and the refreshes that update both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from sluice.definition.models.schedule import SYSTEM_REFRESH as SYSTEM_REFRESH
from sluice.definition.models.schedule import Cron
from sluice.model.declared import DagId, Declared, Description, Duration, Name
from sluice.sources import SOURCES
from sluice.sources.base import AddedBy, SourceConfig

if TYPE_CHECKING:
    AnySource = SourceConfig
else:
    AnySource = SOURCES.union()

Kind = Literal["profile", "account", "contact", "event", "table"]
"""What one row of a dataset is. `table` is for everything else, such as a lookup table."""


class CursorColumn(Declared):
    """A column that orders rows by the time they were added."""

    column: str
    """The column: timestamps, dates, or whole numbers that grow. Timestamps without a zone are read as UTC."""
    late: Duration | None = None
    """For timestamps and dates: how long after its time a row may still appear. Rows younger than this wait for the
    next run."""
    behind: int | None = Field(default=None, ge=0)
    """For whole numbers: how far below the greatest number a row may still appear. Rows within this distance wait for
    the next run."""

    @property
    def waits(self) -> bool:
        """Whether a lateness is declared. If so, runs do not wait for open transactions."""
        return self.late is not None or self.behind is not None


class Dataset(Declared):
    """Data in the lake that can be exported: an entity, events or a table."""

    name: Name
    id: str | None = Field(default=None, pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$")
    """The identifier in folder paths and manifests. Default: the dataset's name."""
    kind: Kind
    """What one row is: a profile, an account, a contact, an event, or a row of any other table."""
    key: str
    """The column that identifies a row or, for events, the entity that the event belongs to."""
    source: AnySource
    """The source of the rows."""
    refreshed_by: Name | None = None
    """The refresh that updates the dataset. Leave it out if no refresh does."""
    incremental: AddedBy | CursorColumn | None = None
    """How added rows are found: `files`, `snapshots` or a column. Default: the source's own way, if it has one."""
    description: Description = ""
    """A description of the data."""

    @property
    def added_by(self) -> AddedBy | CursorColumn | None:
        """How added rows are found; None if there is no way."""
        return self.incremental or self.source.added_by


class Segment(Declared):
    """A named subset of one profile, account or contact dataset."""

    name: Name
    dataset: Name
    """The dataset whose rows are the members."""
    where: str | None = None
    """A DuckDB condition on the dataset's columns. A segment has either `where` or `sql`."""
    sql: str | None = None
    """A DuckDB query whose first column holds the members' keys. Its tables are datasets and segments."""
    reads: tuple[Name, ...] = ()
    """The other datasets and segments that `where` or `sql` reads as tables."""
    refreshed_by: Name = SYSTEM_REFRESH
    """The refresh that evaluates the segment."""
    description: Description = ""
    """A description of the members."""

    @model_validator(mode="after")
    def _one_rule(self) -> Segment:
        if (self.where is None) == (self.sql is None):
            raise ValueError("a segment needs either `where` or `sql`")
        return self


class SystemRefresh(Declared):
    """The DAG that Sluice provides. It runs the refreshes that are part of it, then evaluates every segment, in
    dependency order."""

    name: Name
    type: Literal["system"]
    schedule: Literal["off"] | Cron = "off"
    """When it runs: `off` for manual runs only, or a cron schedule."""


class DagRefresh(Declared):
    """An Airflow DAG that updates datasets or segments."""

    name: Name
    type: Literal["dag"]
    dag_id: DagId
    """The DAG's id."""
    in_system_refresh: bool = False
    """Whether the system refresh first triggers this DAG and waits for it."""


Refresh = Annotated[SystemRefresh | DagRefresh, Field(discriminator="type")]
