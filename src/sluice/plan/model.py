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
    """One dataset, or one segment of it, on its way to its own folder."""

    model_config = ConfigDict(frozen=True)

    name: str
    """The segment's name, or the dataset's."""
    dataset: Dataset
    segment: Segment | None = None
    fields: tuple[FieldSpec, ...] | None = None
    """What is sent of each row; None for every column as it is."""
    folder: str
    """Where its parts go, below the connection's folder."""
    file: str
    """Its parts' names without the extension, with `%PART%` where a chunk's number stands, and in names of our own
    `%PIECE%` where the number of a chunk's file does."""


class Plan(BaseModel):
    """Everything a run needs to know, fixed before it touches anything."""

    model_config = ConfigDict(frozen=True)

    run: Run
    export: Export
    connection: Connection
    format: AnyFormat
    chunks: ChunkRules
    """How rows are cut and sent: what the export declares, within its connection's profile."""
    memory: int = DEFAULT
    """Bytes that each process of the run has for rows and what is made of them."""
    staging: Staging
    feeds: tuple[Feed, ...]
    manifest: str
    """The manifest's name, below the connection's folder."""
    definition_hash: str
    """SHA-256 over the export, its connection and its catalog entries: what was declared when the run began."""
    refreshes: tuple[str, ...]
    """The DAG ids of the refreshes the run waits for."""

    @property
    def mode(self) -> Mode:
        """What this run delivers: what was asked for, or what is declared."""
        return self.run.mode or self.export.mode

    @property
    def follows(self) -> bool:
        """Whether this delivery follows the last one and moves the watermark: runs of exports that are not full do,
        unless they are backfills or send nothing at all."""
        return self.export.mode != "full" and not self.run.is_backfill and not self.run.dry_run

    @property
    def takes_a_place(self) -> bool:
        """Whether this delivery has a place in the order of the export's deliveries; a backfill stands beside them."""
        return not self.run.is_backfill and not self.run.dry_run

    def feed(self, name: str) -> Feed:
        return next(feed for feed in self.feeds if feed.name == name)

    @property
    def extension(self) -> str:
        """What every part's name ends with."""
        openpgp = self.connection.openpgp
        return self.format.extension + (f".{openpgp.extension}" if openpgp else "")

    def beside_manifest(self, name: str) -> str:
        """The name of another file in the manifest's folder."""
        folder = self.manifest.rpartition("/")[0]
        return f"{folder}/{name}" if folder else name

    def part_name(self, feed: Feed, number: int, piece: int = 0) -> str:
        """A part's name: always the same for a run, a chunk and a piece of it."""
        part = f"{number:05d}" if PIECE in feed.file or self.chunks.bytes is None else f"{number:05d}-{piece:03d}"
        stem = feed.file.replace(PART, part).replace(PIECE, f"{piece:03d}")
        name = f"{stem}{self.extension}"
        return f"{feed.folder}/{name}" if feed.folder else name
