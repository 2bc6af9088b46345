"""Exports: one declared delivery job a file, of three kinds."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sluice.definition.models.alerts import Alert
from sluice.definition.models.chunks import Chunks, Memory
from sluice.definition.models.connection import AnyFormat
from sluice.definition.models.fields import FieldEntry
from sluice.definition.models.rows import Expect, Rejects, Unique, WhenEmpty
from sluice.definition.models.schedule import SYSTEM_REFRESH, Schedule, ScheduleSpec, in_full
from sluice.model.declared import Declared, Description, Duration, Name, Owner, Tag, Title
from sluice.model.run import Mode

YEAR = timedelta(days=365)
"""How long after its start a dataset export by the clock ends, unless it says otherwise."""


class ManifestSpec(Declared):
    """The last file of a delivery, which lists the others."""

    folder: str | None = None
    """Another folder for the manifest, below the connection's; beside the parts unless given."""
    success_marker: bool = False
    """Whether an empty `_SUCCESS` file follows the manifest."""


RETRY_DELAY = timedelta(seconds=30)
"""Before a task is tried again, unless it is declared; then doubling. Refreshes too."""
Policy = Literal["fail", "continue", "skip"]


class Wait(Declared):
    """How a run waits for the refreshes it depends on."""

    timeout: Duration = timedelta(hours=12)
    """The longest wait, after which the run says what it waited for."""
    on_timeout: Policy = "fail"
    """What the run does then."""
    on_failed: Policy = "continue"
    """What it does where the last refresh has failed: `continue` takes the last good data."""
    max_age: Duration | None = None
    """How old the last system refresh may be when the run is due; the run waits for a later one. Any age unless given;
    none at all for a schedule with `after_refresh`."""
    poll: Duration = timedelta(seconds=10)
    """The pause between two looks."""


class ExportBase(Declared):
    """What every export has."""

    name: Name
    title: Title = ""
    """The name people see; the export's own name unless given."""
    description: Description = ""
    """What it is for."""
    connection: Name
    """The connection to deliver to."""
    format: AnyFormat | None = None
    """The files' format; the connection's unless given."""
    unique: Unique | None = None
    """Deliver one row of each key; every row unless given."""
    rejects: Rejects = Rejects()
    """What becomes of rows that cannot be delivered."""
    expect: Expect = Expect()
    """How many records there should be; any number unless given."""
    when_empty: WhenEmpty = "publish"
    """What a run without a single record does: `publish` a manifest without parts, `skip`, `fail`, or a `file` of no
    rows for each feed that has none, with its header where the format has one."""
    chunks: Chunks = Chunks()
    """How rows are cut and sent."""
    memory: Memory | None = None
    """The bytes that each of its processes has for rows and what is made of them, 64 MB at least; the project's unless
    given."""
    folder: str = ""
    """The folder of one feed's files below the connection's, with macros; the kind's own pattern unless given."""
    file: str = ""
    """The files' name, with macros and without the extension, such as `%SEGMENT_NAME%_%RUN_ID%_%PART%`; unless given
    `part-00000-tid-...`, as Experience Platform's dataset export spells it."""
    schedule: Schedule = "with-refresh"
    """When it runs."""
    enabled: bool = True
    """Whether the schedule is on; with `false` only people start runs, and the schedule stays written down."""
    wait: Wait = Wait()
    """How a run waits for the refreshes it depends on."""
    manifest: ManifestSpec = ManifestSpec()
    """Where the manifest goes."""
    alerts: tuple[Alert, ...] = ()
    """Who is told when it fails, is skipped, warns, is late or has recovered."""
    late_after: Duration | None = Field(default=None, gt=timedelta(0))
    """How long after it was queued a run that has not ended is late; never unless given."""
    owner: Owner = "sluice"
    """Who answers for it, shown in Airflow."""
    tags: tuple[Tag, ...] = ()
    """Further tags of its DAG."""
    retries: int = Field(default=2, ge=0, le=20)
    """How often Airflow tries a failed task again."""
    retry_delay: Duration = RETRY_DELAY
    """The pause before Airflow tries a failed task again."""
    time_limit: Duration | None = None
    """The longest that one try of `extract`, `chunk`, `upload` or `publish` may take before it is stopped and counts as
    failed; no limit unless given. `wait` has its own."""

    @property
    def when(self) -> ScheduleSpec | None:
        """Its schedule in full; None for `off`, and for a `once` without a time."""
        return in_full(self.schedule)

    @property
    def fresh_since(self) -> timedelta | None:
        """How long before a run is due a system refresh may have ended for the run to go on; None for any time."""
        after_refresh = self.when is not None and self.when.after_refresh
        return timedelta(0) if after_refresh and self.wait.max_age is None else self.wait.max_age

    @property
    def needs_system_refresh(self) -> bool:
        """Whether it depends on the system refresh by what its schedule says, whatever it delivers."""
        follows = self.when is not None and self.when.after == SYSTEM_REFRESH
        return follows or self.fresh_since is not None


class SegmentExport(ExportBase):
    """The members of one or more segments, with the fields the target wants."""

    kind: Literal["segment-export"]
    segments: tuple[Name, ...] = Field(min_length=1)
    """The segments; each is a feed of its own."""
    fields: tuple[FieldEntry, ...] = Field(min_length=1)
    """What is sent of each member."""
    mode: Literal["full", "changes"] = "full"
    """What a run delivers: every member, or those that came, changed and left since the last published delivery."""


class DataOutExport(ExportBase):
    """Whole entities: every field, with their schema as `model.json`."""

    kind: Literal["data-out-export"]
    entities: tuple[Name, ...] = Field(min_length=1)
    """The datasets; each is a feed of its own."""
    mode: Mode = "full"
    """What a run delivers: everything; or what was added since the last published delivery; or rows added, changed and
    removed since, by key."""


class DatasetExport(ExportBase):
    """A dataflow: any number of datasets on one schedule."""

    kind: Literal["dataset-export"]
    datasets: tuple[Name, ...] = Field(min_length=1)
    """The datasets; each is a feed of its own."""
    mode: Mode = "incremental"
    """What a run delivers: what was added since the last published delivery (at first everything); or everything;
    or rows added, changed and removed, by key."""

    @property
    def when(self) -> ScheduleSpec | None:
        """Its schedule in full. One by the clock ends a year after its start unless it says otherwise."""
        found = in_full(self.schedule)
        if found is None or found.end or not found.start or not found.by_the_clock:
            return found
        return found.model_copy(update={"end": found.start + YEAR})


Export = Annotated[SegmentExport | DataOutExport | DatasetExport, Field(discriminator="kind")]
