"""The manifest: the last file of a delivery. It lists the parts; unlisted files are not part of the delivery.

Its name, its place and its first keys are those of Experience Platform's dataset export, so readers made for that find
`flowRunId`, `scheduledTime` and `exportResults` with `sinkPath`, `name` and `size`. The other keys are Sluice's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sluice.model.run import Mode

VERSION = 1


class ExportResult(BaseModel):
    """One part. `sinkPath` is its folder, starting at the connection's folder."""

    model_config = ConfigDict(frozen=True)

    sinkPath: str  # noqa: N815 - the product's spelling
    name: str
    size: int
    feed: str
    number: int
    records: int
    sha256: str
    group: str | None = Field(default=None, exclude_if=lambda value: value is None)
    """The name of its group, such as `senior-2`; left out if its segment is not split."""

    @property
    def path(self) -> str:
        """The part's path below the connection's folder."""
        return f"{self.sinkPath.strip('/')}/{self.name}".lstrip("/")


class FeedSummary(BaseModel):
    """The totals of one feed's parts."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    segment: str | None
    records: int
    rejected: int
    """The number of rows that could not be delivered and went to the quarantine file."""
    duplicates: int = 0
    """The number of rows dropped as duplicates."""
    bytes: int
    parts: int
    mode: Mode | None = None
    """The mode of this feed, if it is not that of the whole delivery."""
    version: str
    """The version of the data, in the source's own terms."""
    since: str | None = None
    """The watermark of the previous delivery, for an incremental one; None if this delivery has every row."""
    until: str | None = None
    """The watermark of this delivery."""
    window: str | None = None
    """The slice of time, for a backfill."""
    changes: Mapping[str, int] | None = None
    """The numbers of rows added, changed and removed, if rows were compared with the last delivery."""
    columns: Mapping[str, str]
    """The Arrow type of each delivered column."""


class Manifest(BaseModel):
    """A whole delivery."""

    model_config = ConfigDict(frozen=True)

    flowRunId: str  # noqa: N815 - the product's spelling
    scheduledTime: str  # noqa: N815
    exportResults: tuple[ExportResult, ...]  # noqa: N815
    mode: Mode = "full"
    previous: str | None = None
    """The flow run id of the previous delivery, if this one has only what is new since then."""
    version: int = VERSION
    export: str
    kind: str
    connection: str
    run_id: str
    definition_hash: str
    format: Mapping[str, Any]
    feeds: Mapping[str, FeedSummary]
    files: int
    records: int
    bytes: int
    triggers: Mapping[str, str] = {}
    """The trigger files: the `suffix` of one beside each part, `instead_of` the end of its name or behind it; or the
    `name` of the delivery's own. Left out if there are none."""


def render(manifest: Manifest) -> bytes:
    """The manifest's bytes: always the same for the same delivery."""
    left_out = None if manifest.triggers else {"triggers"}
    return manifest.model_dump_json(indent=1, exclude=left_out).encode() + b"\n"
