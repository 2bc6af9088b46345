"""Exports: declared delivery jobs of three kinds, one per file."""

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
"""The default time between the start and the end of a dataset export with a clock schedule."""


class ManifestSpec(Declared):
    """The last file of a delivery. It lists the parts."""

    folder: str | None = None
    """The manifest's folder, below the connection's folder. Default: the folder of the parts."""
    success_marker: bool = False
    """Whether to write an empty `_SUCCESS` file after the manifest."""


RETRY_DELAY = timedelta(seconds=30)
"""The default delay before Airflow retries a failed task of an export or a refresh. It doubles with each attempt."""
Policy = Literal["fail", "continue", "skip"]


class Wait(Declared):
    """How a run waits for the refreshes it depends on."""

    timeout: Duration = timedelta(hours=12)
    """The maximum wait. The timeout message names the refreshes that the run waited for."""
    on_timeout: Policy = "fail"
    """What the run does after the timeout."""
    on_failed: Policy = "continue"
    """What the run does if the last refresh failed. `continue` delivers the last good data."""
    max_age: Duration | None = None
    """The maximum age of the last system refresh when the run is due. If it is older, the run waits for the next one.
    Default: any age, or `0s` for a schedule with `after_refresh`."""
    poll: Duration = timedelta(seconds=10)
    """The interval between checks."""


class ExportBase(Declared):
    """The keys of every export."""

    name: Name
    title: Title = ""
    """The display name. Default: the export's name."""
    description: Description = ""
    """The purpose of the export."""
    connection: Name
    """The connection to deliver to."""
    format: AnyFormat | None = None
    """The file format. Default: the connection's format."""
    unique: Unique | None = None
    """Deduplicate: deliver one row per key. Default: deliver every row."""
    rejects: Rejects = Rejects()
    """What happens to rows that cannot be delivered."""
    expect: Expect = Expect()
    """The expected number of records. Default: any number."""
    when_empty: WhenEmpty = "publish"
    """What a run without records does: `publish` a manifest without parts, `skip`, `fail`, or write an empty `file` for
    each feed without rows, with a header if the format has one."""
    chunks: Chunks = Chunks()
    """How rows are cut into chunks and sent."""
    memory: Memory | None = None
    """The memory limit of each process for rows and the data made from them, at least 64 MB. Default: the project's
    limit."""
    folder: str = ""
    """The folder of one feed's files, below the connection's folder; may contain macros. Default: the pattern of the
    export's kind."""
    file: str = ""
    """The file name without its extension, such as `%SEGMENT_NAME%_%RUN_ID%_%PART%`; may contain macros. Default:
    `part-00000-tid-...`, the pattern of Experience Platform's dataset export."""
    schedule: Schedule = "with-refresh"
    """When the export runs."""
    enabled: bool = True
    """Whether the schedule is active. With `false`, runs start only manually."""
    wait: Wait = Wait()
    """How a run waits for the refreshes it depends on."""
    manifest: ManifestSpec = ManifestSpec()
    """The place of the manifest, and whether a success marker follows it."""
    alerts: tuple[Alert, ...] = ()
    """Who is notified when the export fails, is held, is cancelled, is skipped, warns, is late or has recovered."""
    late_after: Duration | None = Field(default=None, gt=timedelta(0))
    """The time after which an unfinished run counts as late, counted from when it was queued. Default: never late."""
    owner: Owner = "sluice"
    """The person or team responsible for the export, shown in Airflow."""
    tags: tuple[Tag, ...] = ()
    """Additional tags of the export's DAG."""
    retries: int = Field(default=2, ge=0, le=20)
    """The number of times that Airflow retries a failed task."""
    retry_delay: Duration = RETRY_DELAY
    """The delay before Airflow retries a failed task. It doubles with each attempt."""
    time_limit: Duration | None = None
    """The maximum duration of one attempt of `extract`, `chunk`, `upload` or `publish`. A longer attempt is stopped and
    counts as failed. Default: no limit. `wait` has its own timeout."""

    @property
    def when(self) -> ScheduleSpec | None:
        """The schedule in full; None for `off`, and for `once` without a time."""
        return in_full(self.schedule)

    @property
    def fresh_since(self) -> timedelta | None:
        """The maximum age of the last system refresh when a run is due; None for any age."""
        after_refresh = self.when is not None and self.when.after_refresh
        return timedelta(0) if after_refresh and self.wait.max_age is None else self.wait.max_age

    @property
    def needs_system_refresh(self) -> bool:
        """Whether its schedule makes it depend on the system refresh, independently of the data it delivers."""
        follows = self.when is not None and self.when.after == SYSTEM_REFRESH
        return follows or self.fresh_since is not None


class SegmentExport(ExportBase):
    """The members of one or more segments, with the fields that the target needs."""

    kind: Literal["segment-export"]
    segments: tuple[Name, ...] = Field(min_length=1)
    """The segments. Each is a separate feed."""
    fields: tuple[FieldEntry, ...] = Field(min_length=1)
    """The fields to deliver for each member."""
    mode: Literal["full", "changes"] = "full"
    """What a run delivers. `full`: every member. `changes`: the members added, changed and removed since the last
    published delivery."""


class DataOutExport(ExportBase):
    """Whole entities: every field, and their schema as `model.json`."""

    kind: Literal["data-out-export"]
    entities: tuple[Name, ...] = Field(min_length=1)
    """The datasets. Each is a separate feed."""
    mode: Mode = "full"
    """What a run delivers. `full`: every row. `incremental`: the rows added since the last published delivery.
    `changes`: the rows added, changed and removed since then, compared by key."""


class DatasetExport(ExportBase):
    """Any number of whole datasets on one schedule: every column, under its own name. To choose, rename, mask or hash
    columns, use `segment-export`."""

    kind: Literal["dataset-export"]
    datasets: tuple[Name, ...] = Field(min_length=1)
    """The datasets. Each is a separate feed."""
    mode: Mode = "incremental"
    """What a run delivers. `incremental`: the rows added since the last published delivery; the first run delivers
    every row. `full`: every row. `changes`: the rows added, changed and removed since then, compared by key."""

    @property
    def when(self) -> ScheduleSpec | None:
        """The schedule in full. By default, a clock schedule ends one year after its start."""
        found = in_full(self.schedule)
        if found is None or found.end or not found.start or not found.by_the_clock:
            return found
        return found.model_copy(update={"end": found.start + YEAR})


Export = Annotated[SegmentExport | DataOutExport | DatasetExport, Field(discriminator="kind")]
