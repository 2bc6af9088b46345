"""Exports: one declared delivery job a file, of three kinds."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sluice.definition.connection import AnyFormat
from sluice.definition.fields import FieldEntry
from sluice.definition.schedule import Schedule
from sluice.model.declared import Declared, Duration, Name


class Chunks(Declared):
    """How rows are cut into chunks, and how chunks are sent."""

    records: int = Field(default=250_000, ge=1)
    """Records in one chunk, exactly; the last chunk of a feed holds the rest."""
    threads: int = Field(default=12, ge=1, le=24)
    """Chunks that one shard sends at once."""
    shards: int = Field(default=4, ge=1, le=64)
    """The most Airflow tasks that one run spreads over."""
    retries: int = Field(default=3, ge=0, le=100)
    """How often a chunk is sent again after a failure that may pass, before its task fails."""
    retry_delay: Duration = timedelta(seconds=2)
    """The pause before a chunk is sent again; it doubles each time."""


class ManifestSpec(Declared):
    """The last file of a delivery, which lists the others."""

    folder: str | None = None
    """Another folder for the manifest, below the connection's; beside the parts unless given."""
    success_marker: bool = False
    """Whether an empty `_SUCCESS` file follows the manifest."""


class Wait(Declared):
    """How a run waits for the refreshes it depends on."""

    timeout: Duration = timedelta(hours=12)
    """The longest wait; then the run fails and says what it waited for."""
    poll: Duration = timedelta(seconds=10)
    """The pause between two looks."""


class ExportBase(Declared):
    """What every export has."""

    name: Name
    title: str = ""
    """The name people see; the export's own name unless given."""
    description: str = ""
    """What it is for."""
    connection: Name
    """The connection to deliver to."""
    format: AnyFormat | None = None
    """The files' format; the connection's unless given."""
    chunks: Chunks = Chunks()
    """How rows are cut and sent."""
    folder: str = ""
    """The folder of one feed's files below the connection's, with macros; the kind's own pattern unless given."""
    schedule: Schedule = "with-refresh"
    """When it runs."""
    wait: Wait = Wait()
    """How a run waits for the refreshes it depends on."""
    manifest: ManifestSpec = ManifestSpec()
    """Where the manifest goes."""
    owner: str = "sluice"
    """Who answers for it, shown in Airflow."""
    tags: tuple[str, ...] = ()
    """Further tags of its DAG."""
    retries: int = Field(default=2, ge=0, le=20)
    """How often Airflow tries a failed task again."""
    retry_delay: Duration = timedelta(seconds=30)
    """The pause before Airflow tries a failed task again."""


class SegmentExport(ExportBase):
    """The members of one or more segments, with the fields the target wants."""

    kind: Literal["segment-export"]
    segments: tuple[Name, ...] = Field(min_length=1)
    """The segments; each is a feed of its own."""
    fields: tuple[FieldEntry, ...] = Field(min_length=1)
    """What is sent of each member."""


class DataOutExport(ExportBase):
    """Whole entities: every field, with their schema as `model.json`."""

    kind: Literal["data-out-export"]
    entities: tuple[Name, ...] = Field(min_length=1)
    """The datasets; each is a feed of its own."""


class DatasetExport(ExportBase):
    """A dataflow: any number of datasets on one schedule."""

    kind: Literal["dataset-export"]
    datasets: tuple[Name, ...] = Field(min_length=1)
    """The datasets; each is a feed of its own."""


Export = Annotated[SegmentExport | DataOutExport | DatasetExport, Field(discriminator="kind")]
