"""The manifest: the last file of a delivery. It lists the parts; what it does not list does not count.

Name, place and the first four keys are those of Experience Platform's dataset export: a reader made for that finds
`flowRunId`, `scheduledTime` and `exportResults` with `sinkPath`, `name` and `size`. The rest is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from sluice.model.run import Mode

VERSION = 1


class ExportResult(BaseModel):
    """One part. `sinkPath` is its folder as the connection sees it, from the connection's folder on."""

    model_config = ConfigDict(frozen=True)

    sinkPath: str  # noqa: N815 - the product's spelling
    name: str
    size: int
    feed: str
    number: int
    records: int
    sha256: str

    @property
    def path(self) -> str:
        """Below the connection's folder."""
        return f"{self.sinkPath.strip('/')}/{self.name}".lstrip("/")


class FeedSummary(BaseModel):
    """What one feed's parts hold together."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    segment: str | None
    records: int
    rejected: int
    """Rows set aside because they could not be delivered."""
    duplicates: int = 0
    """Rows left out because another has their key."""
    bytes: int
    parts: int
    version: str
    """What was read, in the source's own terms."""
    since: str | None = None
    """Of an incremental delivery, how far the former one came; None where this holds everything."""
    until: str | None = None
    """How far this one comes."""
    window: str | None = None
    """Of a backfill, its slice of time."""
    changes: Mapping[str, int] | None = None
    """Where rows were compared with the last delivery: those added, changed and removed."""
    columns: Mapping[str, str]
    """Each delivered column's Arrow type."""


class Manifest(BaseModel):
    """A whole delivery."""

    model_config = ConfigDict(frozen=True)

    flowRunId: str  # noqa: N815 - the product's spelling
    scheduledTime: str  # noqa: N815
    exportResults: tuple[ExportResult, ...]  # noqa: N815
    mode: Mode = "full"
    previous: str | None = None
    """The flow run id of the delivery that this one follows, where it holds what was added since."""
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


def render(manifest: Manifest) -> bytes:
    """The manifest as it is written: the same bytes for the same delivery."""
    return manifest.model_dump_json(indent=1).encode() + b"\n"
