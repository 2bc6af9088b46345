"""Exports: declared delivery jobs of three kinds, one per file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, Field, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator, model_validator

from sluice.definition.models.alerts import Alert
from sluice.definition.models.audience import Audience
from sluice.definition.models.chunks import Chunks, Memory
from sluice.definition.models.commands import FollowUp
from sluice.definition.models.connection import AnyFormat
from sluice.definition.models.consent import Consent, Suppression
from sluice.definition.models.fields import FieldEntry
from sluice.definition.models.file_names import FileNames
from sluice.definition.models.licence import Application
from sluice.definition.models.macros import LAYOUTS, Layout
from sluice.definition.models.overrides import Override, is_due
from sluice.definition.models.retention import Retention
from sluice.definition.models.rows import Expect, Rejects, Unique, WhenEmpty
from sluice.definition.models.schedule import SYSTEM_REFRESH, Schedule, ScheduleSpec, in_full
from sluice.definition.models.wait import Wait
from sluice.model.declared import NAME, Declared, Description, Duration, Name, Owner, Tag, Title
from sluice.model.run import Mode, Run

YEAR = timedelta(days=365)
"""The default time between the start and the end of a dataset export with a clock schedule, and the default age from
which it leaves out events."""


class ManifestSpec(Declared):
    """The last file of a delivery. It lists the parts."""

    folder: str | None = None
    """The manifest's folder, below the connection's folder. Default: the folder of the parts."""
    success_marker: bool = False
    """Whether to write an empty `_SUCCESS` file after the manifest."""


class LogFolder(Declared):
    """A folder for the logs of an export's runs."""

    folder: str = Field(min_length=1)
    """The folder of the logs, below the connection's folder."""


RETRY_DELAY = timedelta(seconds=30)
"""The default delay before Airflow retries a failed task of an export or a refresh. It doubles with each attempt."""


def _unless_empty(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    return value if value == "" else check(value)


Attached = Annotated[
    Name, WrapValidator(_unless_empty), WithJsonSchema({"type": "string", "pattern": NAME.replace("^", "^$|^")})
]
"""The name of a connection, or an empty text for no connection."""


class ExportBase(Declared):
    """The keys of every export."""

    name: Name
    title: Title = ""
    """The display name. Default: the export's name."""
    description: Description = ""
    """The purpose of the export."""
    connection: Attached = ""
    """The connection to deliver to. Default: none. The export is then detached: it is valid, but does not run until a
    connection is chosen. An empty text also detaches it, even if `project.yaml` has a default connection."""
    format: AnyFormat | None = None
    """The file format. Default: the connection's format."""
    consent: Consent | None = None
    """The consent that every row needs. Default: that of the connection, if it has one. If both have one, both
    apply."""
    suppress: tuple[Suppression, ...] = ()
    """The lists of those who are not delivered. The connection may have others; all of them apply."""
    unique: Unique | None = None
    """Deduplicate: deliver one row per key. Default: deliver every row."""
    rejects: Rejects = Rejects()
    """What happens to rows that cannot be delivered."""
    expect: Expect = Expect()
    """The expected number of records. Default: any number."""
    when_empty: WhenEmpty = "publish"
    """What a run without records does: `publish` a manifest without parts, `skip`, `refuse`, or write an empty `file`
    for each feed without rows, with a header if the format has one."""
    chunks: Chunks = Chunks()
    """How rows are cut into chunks and sent."""
    memory: Memory | None = None
    """The memory limit of each process for rows and the data made from them, at least 64 MB. Default: the project's
    limit."""
    folder: str = ""
    """The folder of one feed's files, below the connection's folder; may contain macros. Default: the pattern of the
    export's kind."""
    file: str | FileNames = ""
    """The file name without its extension, such as `%SEGMENT_NAME%_%RUN_ID%_%PART%`; may contain macros. Or a mapping,
    for names that the reader dictates. Default: `part-00000-tid-...`, the pattern of Experience Platform's dataset
    export."""
    schedule: Schedule = "with-refresh"
    """When the export runs."""
    enabled: bool = True
    """Whether the schedule is active. With `false`, runs start only manually."""
    wait: Wait = Wait()
    """How a run waits for the refreshes it depends on."""
    manifest: ManifestSpec = ManifestSpec()
    """The place of the manifest, and whether a success marker follows it."""
    retention: Retention | None = None
    """Which deliveries stay at the destination. Default: all of them."""
    log: Literal["delivery", "staging"] | LogFolder | None = None
    """Whether each run writes a log: a text file with its chunks, their sizes, tries and times, and the result.
    `delivery`: beside the manifest. `{folder: logs}`: in that folder of the connection. `staging`: in Sluice's staging
    folder, which keeps the last 100. Default: no log."""
    follow_up: FollowUp | None = None
    """The command that runs after each delivery. Default: none."""
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
    """The maximum duration of one attempt of `extract`, `chunk`, `upload` or `publish`. A longer attempt is stopped,
    counts as failed, and is retried like any other. `0s`: no limit. Default: the limit of the connection's profile,
    otherwise none. `wait` has its own timeout."""

    def mode_of(self, feed: str) -> Mode:  # noqa: ARG002 - for exports with overrides
        """The mode of one of its feeds."""
        return cast("Mode", getattr(self, "mode", "full"))

    def is_due(self, feed: str, run: Run) -> bool:  # noqa: ARG002 - likewise
        """Whether a run delivers this feed."""
        return True

    @property
    def pattern(self) -> Layout | None:
        """The layout that sets its folders and file names; None if `folder` and `file` do."""
        return None

    @cached_property
    def names(self) -> FileNames:
        """The names of its files in full."""
        if isinstance(self.file, FileNames):
            return self.file
        return FileNames(name=self.pattern.file if self.pattern else self.file)

    @property
    def when(self) -> ScheduleSpec | None:
        """The schedule in full; None for `off`, and for `once` without a time."""
        return in_full(self.schedule)

    @property
    def runs_once(self) -> bool:
        """Whether its schedule has a single run."""
        return self.schedule == "once" or (self.when is not None and self.when.once is not None)

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
    audience: Audience | None = None
    """The segment in Audience Manager that the export is for. Required if its connection has `audience_manager`."""
    over_limit: Literal["skip", "split"] = "skip"
    """What happens if a segment has more records than its target accepts. `skip`: the run is skipped. `split`: the
    segment is delivered as several, `senior`, `senior-2`, `senior-3`, of nearly equal sizes, if the connection has
    `split_segments: true`."""


class DataOutExport(ExportBase):
    """Whole entities: every field, and their schema as `model.json`."""

    kind: Literal["data-out-export"]
    entities: tuple[Name, ...] = Field(min_length=1)
    """The datasets. Each is a separate feed."""
    layout: Literal["sluice", "customer-insights"] = "sluice"
    """The folders and file names. `sluice`: those of `folder` and `file`. `customer-insights`: those of Customer
    Insights, `CustomerInsights_<sandbox>/<export>/<table>/<year>/<month>/<day>/<hour and minute>/`, with `model.json`
    and the manifest below the export's folder."""
    mode: Mode = "full"
    """What a run delivers. `full`: every row. `incremental`: the rows added since the last published delivery.
    `changes`: the rows added, changed and removed since then, compared by key."""

    @model_validator(mode="after")
    def _one_layout(self) -> Self:
        keys = [f"`{key}`" for key in ("folder", "file") if getattr(self, key)]
        if self.layout != "sluice" and keys:
            raise ValueError(f"the layout `{self.layout}` already sets {' and '.join(keys)}: delete one or the other")
        return self

    @property
    def pattern(self) -> Layout | None:
        return LAYOUTS.get(self.layout)


def _some_age(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("leaves out every event: write a longer time, or none for events of any age")
    return value


class DatasetExport(ExportBase):
    """Any number of whole datasets on one schedule: every column, under its own name. To choose, rename, mask or hash
    columns, use `segment-export`."""

    kind: Literal["dataset-export"]
    datasets: tuple[Name, ...] = Field(min_length=1)
    """The datasets. Each is a separate feed."""
    application: Application | None = None
    """The licensed application that the deliveries count for. Default: none in particular."""
    mode: Mode = "incremental"
    """What a run delivers. `incremental`: the rows added since the last published delivery; the first run delivers
    every row. `full`: every row. `changes`: the rows added, changed and removed since then, compared by key."""
    max_age: Annotated[Duration, AfterValidator(_some_age)] | Literal["none"] | None = None
    """The maximum age of an event when the run is due, by the dataset's `time`. Older events are left out. Default: 365
    days; `none` delivers events of any age."""
    overrides: Mapping[Name, Override] = {}
    """The mode and the schedule of single datasets, by name, if they differ from the export's."""

    def mode_of(self, feed: str) -> Mode:
        """The mode of one of its datasets."""
        override = self.overrides.get(feed)
        return override.mode if override and override.mode else self.mode

    def is_due(self, feed: str, run: Run) -> bool:
        """Whether a run delivers this dataset."""
        override = self.overrides.get(feed)
        own, spec = override.schedule if override else None, self.when
        if own is None or spec is None or not spec.by_the_clock or run.run_type != "scheduled":
            return True
        return is_due(own, spec, run.time)

    @property
    def age(self) -> timedelta | None:
        """The maximum age of an event; None for any age."""
        return None if self.max_age == "none" else self.max_age or YEAR

    @property
    def when(self) -> ScheduleSpec | None:
        """The schedule in full. By default, a clock schedule ends one year after its start."""
        found = in_full(self.schedule)
        if found is None or found.end or not found.start or not found.by_the_clock:
            return found
        return found.model_copy(update={"end": found.start + YEAR})


def overrides_of(export: ExportBase) -> Mapping[str, Override]:
    """What single datasets of an export do differently."""
    return export.overrides if isinstance(export, DatasetExport) else {}


def may_split(export: ExportBase) -> bool:
    """Whether a segment over its target's limit is split into groups."""
    return isinstance(export, SegmentExport) and export.over_limit == "split"


Export = Annotated[SegmentExport | DataOutExport | DatasetExport, Field(discriminator="kind")]
