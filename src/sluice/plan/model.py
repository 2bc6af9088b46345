"""What a run will do, as a value."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.chunks import ChunkRules
from sluice.definition.models.connection import AnyFormat, Connection
from sluice.definition.models.export import Export
from sluice.definition.models.fields import FieldSpec
from sluice.definition.models.project import Staging
from sluice.memory import DEFAULT
from sluice.model.run import Mode, Run

PART, PIECE = "%PART%", "%PIECE%"


class Feed(BaseModel):
    """One dataset or segment to deliver, with its own folder."""

    model_config = ConfigDict(frozen=True)

    name: str
    """The segment's name, or the dataset's."""
    dataset: Dataset
    segment: Segment | None = None
    fields: tuple[FieldSpec, ...] | None = None
    """The fields to deliver; None for every column, unchanged."""
    folder: str
    """The folder of its parts, relative to the connection's folder."""
    file: str
    """The pattern of its parts' names, without the extension. `%PART%` is the place of the chunk's number; default
    names also have `%PIECE%`, the number of a file within its chunk."""


class Plan(BaseModel):
    """Everything a run needs to know, fixed before it has any effect."""

    model_config = ConfigDict(frozen=True)

    run: Run
    export: Export
    connection: Connection
    format: AnyFormat
    chunks: ChunkRules
    """How rows are cut and sent: the export's values, within the limits of its connection's profile."""
    memory: int = DEFAULT
    """The memory limit of each process for rows and the data made from them, in bytes."""
    staging: Staging
    feeds: tuple[Feed, ...]
    manifest: str
    """The manifest's name, relative to the connection's folder."""
    definition_hash: str
    """The SHA-256 of the export, its connection and its catalog entries when the run started."""
    refreshes: tuple[str, ...]
    """The DAG ids of the refreshes that the run waits for."""

    @property
    def mode(self) -> Mode:
        """The mode of this run: requested or declared."""
        return self.run.mode or self.export.mode

    @property
    def follows(self) -> bool:
        """Whether this delivery continues from the last one and moves the watermark. Runs of `incremental` and
        `changes` exports do, unless they are backfills or dry runs."""
        return self.export.mode != "full" and not self.run.is_backfill and not self.run.dry_run

    @property
    def takes_a_place(self) -> bool:
        """Whether this delivery has a place in the sequence of the export's deliveries. Backfills and dry runs have
        none."""
        return not self.run.is_backfill and not self.run.dry_run

    def feed(self, name: str) -> Feed:
        return next(feed for feed in self.feeds if feed.name == name)

    @property
    def extension(self) -> str:
        """The extension of every part's name."""
        openpgp = self.connection.openpgp
        return self.format.extension + (f".{openpgp.extension}" if openpgp else "")

    def beside_manifest(self, name: str) -> str:
        """The name of another file in the manifest's folder."""
        folder = self.manifest.rpartition("/")[0]
        return f"{folder}/{name}" if folder else name

    def part_name(self, feed: Feed, number: int, piece: int = 0) -> str:
        """A part's name, always the same for the same run, chunk and piece."""
        part = f"{number:05d}" if PIECE in feed.file or self.chunks.bytes is None else f"{number:05d}-{piece:03d}"
        stem = feed.file.replace(PART, part).replace(PIECE, f"{piece:03d}")
        name = f"{stem}{self.extension}"
        return f"{feed.folder}/{name}" if feed.folder else name
