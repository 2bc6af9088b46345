"""The catalog: the datasets that can be exported, the segments of them, and the refreshes that update both."""

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
"""What one row of a dataset is. A `table` is none of the others: a lookup table, or anything else."""


class CursorColumn(Declared):
    """A column that says when a row was added."""

    column: str
    """The column: timestamps, dates, or whole numbers that grow. Times without a zone are taken as UTC."""
    late: Duration | None = None
    """For times: how long after its time a row may still appear. Rows younger than this wait for the next run."""
    behind: int | None = Field(default=None, ge=0)
    """For whole numbers: how far below the greatest number a row may still appear. Rows that near wait for the next
    run."""

    @property
    def waits(self) -> bool:
        """Whether it is declared how late a row may appear, so that no open transaction is waited for."""
        return self.late is not None or self.behind is not None


class Dataset(Declared):
    """Data in the lake that can be exported: an entity, or events."""

    name: Name
    id: str | None = Field(default=None, pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$")
    """The identifier in folder paths and manifests; the dataset's name unless given."""
    kind: Kind
    """What one row is: a profile, an account, a contact, an event, or a row of a lookup table or any other."""
    key: str
    """The column that identifies a row, or the entity that an event belongs to."""
    source: AnySource
    """Where the rows are."""
    refreshed_by: Name | None = None
    """The refresh that updates it; none for data that only grows by hand."""
    incremental: AddedBy | CursorColumn | None = None
    """How what was added is told: `files` or `snapshots`, or by a column; the source's own way unless given."""
    description: Description = ""
    """What the data is, for people."""

    @property
    def added_by(self) -> AddedBy | CursorColumn | None:
        """What tells what was added; None where nothing does."""
        return self.incremental or self.source.added_by


class Segment(Declared):
    """A named subset of one profile, account or contact dataset."""

    name: Name
    dataset: Name
    """The dataset whose rows are the members."""
    where: str | None = None
    """One DuckDB condition over the dataset's columns."""
    sql: str | None = None
    """A DuckDB query whose first column holds members' keys; datasets and segments are its tables."""
    reads: tuple[Name, ...] = ()
    """Other datasets and segments that `where` or `sql` reads, as tables."""
    refreshed_by: Name = SYSTEM_REFRESH
    """The refresh that evaluates it."""
    description: Description = ""
    """Who is in it, for people."""

    @model_validator(mode="after")
    def _one_rule(self) -> Segment:
        if (self.where is None) == (self.sql is None):
            raise ValueError("a segment has either `where` or `sql`")
        return self


class SystemRefresh(Declared):
    """The DAG that Sluice makes: it runs the refreshes that take part, then evaluates every segment, in order."""

    name: Name
    type: Literal["system"]
    schedule: Literal["off"] | Cron = "off"
    """When it runs by itself: `off`, or a cron schedule."""


class DagRefresh(Declared):
    """An Airflow DAG that updates datasets or segments."""

    name: Name
    type: Literal["dag"]
    dag_id: DagId
    """The DAG's id."""
    in_system_refresh: bool = False
    """Whether the system refresh triggers this DAG first and waits for it."""


Refresh = Annotated[SystemRefresh | DagRefresh, Field(discriminator="type")]
