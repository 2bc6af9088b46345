"""The catalog: datasets, their segments, and the refreshes that update both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from sluice.definition.models.data_classes import DataClassName
from sluice.definition.models.schedule import SYSTEM_REFRESH as SYSTEM_REFRESH
from sluice.definition.models.schedule import Cron
from sluice.model.declared import DagId, Declared, Description, Duration, Name, Title
from sluice.sources import SOURCES
from sluice.sources.base import AddedBy, SourceConfig

if TYPE_CHECKING:
    AnySource = SourceConfig
else:
    AnySource = SOURCES.union()

Kind = Literal["profile", "account", "contact", "event", "table"]
"""What one row of a dataset is. `table` is for everything else, such as a lookup table."""

MetricName = Annotated[str, Field(pattern=r"^[A-Za-z][0-9A-Za-z_]{0,99}$")]
"""The name of a metric, such as `Page_Views`: letters, digits and `_`, at most 100 characters."""

Origin = Literal["user", "system", "derived"]
"""Who made a dataset."""


class Spark(Declared):
    """A Spark cluster, which reads the files of the lake itself."""

    type: Literal["spark"]
    airflow_conn_id: str
    """The Airflow connection of type `spark_connect`: the address of a Spark Connect server; or of type `spark`: the
    master of a cluster whose jobs `spark-submit` starts."""


Engine = Literal["auto", "database", "duckdb"] | Spark
"""Where a segment is evaluated."""


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


class Column(Declared):
    """What is known of one column."""

    description: Description = ""
    """A description of the values."""
    data_class: DataClassName | None = Field(default=None, alias="class")
    """The data class, such as `pii.email` or `sensitive`. `data_classes` of the project says what it demands."""


class Contacts(Declared):
    """The contacts of accounts."""

    dataset: Name
    """The dataset of contacts."""
    key: str
    """Its column that holds the key of the contact's account."""


class Dataset(Declared):
    """Data in the lake that can be exported: an entity, events or a table."""

    name: Name
    title: Title = ""
    """Another name that people know the dataset by, such as `Page View`. An import from Data Workbench finds it by
    this name too."""
    id: str | None = Field(default=None, pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$")
    """The identifier in folder paths and manifests. Default: the dataset's name."""
    kind: Kind
    """What one row is: a profile, an account, a contact, an event, or a row of any other table."""
    key: str
    """The column that identifies a row or, for events, the entity that the event belongs to."""
    source: AnySource
    """The source of the rows."""
    event_id: str | None = None
    """For events: the column that identifies a single event. Segments of events need it: their members are events."""
    time: str | None = None
    """For events: the column with their time, of timestamps or dates. Dataset exports leave out events that are older
    than `max_age`. Timestamps without a zone are read as UTC; a date counts as its last moment."""
    refreshed_by: Name | None = None
    """The refresh that updates the dataset. Leave it out if no refresh does."""
    origin: Origin = "user"
    """Who made the dataset: `user`; `system` for the profile snapshot that the platform makes; `derived` for the result
    of a query, such as one of Query Service. A licence covers some of them."""
    profile_enabled: bool = True
    """For profiles: whether the dataset is enabled for profile. If a licence is declared, dataset exports need it."""
    incremental: AddedBy | CursorColumn | None = None
    """How added rows are found: `files`, `snapshots` or a column. Default: the source's own way, if it has one."""
    columns: Mapping[str, Column] = {}
    """Descriptions and data classes of columns. Columns that are not listed have none."""
    metrics: Mapping[MetricName, str] = {}
    """Named values of one row, each a DuckDB expression on the dataset's columns. A segment export delivers them as
    `{metric: NAME}`."""
    contacts: Contacts | None = None
    """For accounts: where their contacts are. A segment of accounts is then delivered as the contacts of its members to
    targets that take contacts, but no accounts."""
    description: Description = ""
    """A description of the data."""

    @property
    def added_by(self) -> AddedBy | CursorColumn | None:
        """How added rows are found; None if there is no way."""
        return self.incremental or self.source.added_by

    @property
    def row_key(self) -> str | None:
        """The column that identifies a single row: what the members of its segments are listed by. None if events have
        none."""
        return self.event_id if self.kind == "event" else self.key


class Segment(Declared):
    """A named subset of one dataset: profiles, accounts, contacts, rows of a table, or events with an `event_id`."""

    name: Name
    dataset: Name
    """The dataset whose rows are the members."""
    where: str | None = None
    """A DuckDB condition on the dataset's columns. A segment has either `where` or `sql`."""
    sql: str | None = None
    """A DuckDB query whose first column holds the members' keys. Its tables are datasets and segments."""
    reads: tuple[Name, ...] = ()
    """The other datasets and segments that `where` or `sql` reads as tables."""
    engine: Engine = "auto"
    """Where the SQL is evaluated. `auto`: in the database, if all its tables are there and it means the same there,
    otherwise in DuckDB. `database`: only there; it is an error if it cannot be. `duckdb`: never there. A mapping: on
    that Spark cluster; it is an error if it cannot be."""
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
