"""What a run will do, as a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.chunks import ChunkRules
from sluice.definition.models.commands import Command
from sluice.definition.models.connection import AnyFormat, Connection
from sluice.definition.models.consent import Consent, Suppression
from sluice.definition.models.export import Export, LogFolder, may_split
from sluice.definition.models.fields import FieldSpec
from sluice.definition.models.file_names import PIECES
from sluice.definition.models.guardrails import Guardrails
from sluice.definition.models.licence import Licence
from sluice.definition.models.limits import Bounds
from sluice.definition.models.project import Staging
from sluice.definition.models.subjects import Subjects
from sluice.errors import FatalError
from sluice.memory import DEFAULT
from sluice.model.part import Chunk
from sluice.model.run import Mode, Run

PART, PIECE, SPLIT = "%PART%", "%PIECE%", "%SPLIT%"
GROUP = "%GROUP%"


def named(name: str, group: int) -> str:
    """A name, or the path of a folder or a file, for a group: the first one has the segment's own name."""
    return name.replace(GROUP, f"-{group + 1}" if group else "")


class Feed(BaseModel):
    """One dataset or segment to deliver, with its own folder."""

    model_config = ConfigDict(frozen=True)

    name: str
    """The segment's name, or the dataset's."""
    dataset: Dataset
    segment: Segment | None = None
    through: Dataset | None = None
    """The segment's dataset of accounts, if their contacts are delivered: `dataset` then contains these. None if the
    members themselves are delivered."""
    fields: tuple[FieldSpec, ...] | None = None
    """The fields to deliver; None for every column, unchanged."""
    mode: Mode | None = None
    """The declared mode of the feed: the export's, or its own. None in the plan of a run that an older version has
    staged."""
    oldest: datetime | None = None
    """Events from before this time are left out, because they are too old; None if all are delivered."""
    folder: str
    """The folder of its parts, relative to the connection's folder. If its segment may be split, `%GROUP%` follows each
    use of the segment's name, here and in `file`."""
    file: str
    """The pattern of its parts' names, without the extension. `%PART%` is the place of the chunk's number, `%SPLIT%` of
    the file's; default names also have `%PIECE%`, the number of a file within its chunk."""

    @property
    def member(self) -> str:
        """The column of `dataset` that is compared with the keys of the segment's members."""
        contacts = self.through.contacts if self.through else None
        return contacts.key if contacts else self.dataset.row_key or self.dataset.key


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
    lists: Mapping[str, Dataset] = {}
    """The datasets that list whom to leave out."""
    subjects: Subjects | None = None
    """How the record of whom this delivery holds is kept; None if it is not kept."""
    limits: Bounds = Bounds()
    """The project's limits. Those of the connection apply too."""
    guardrails: Guardrails = Guardrails()
    """The verdicts that the project declares."""
    licence: Licence | None = None
    """The project's licence."""
    trigger: str = ""
    """The name of the delivery's trigger file, relative to the connection's folder; empty if it has none."""
    command: Command | None = None
    """The command that follows the delivery; None if the export has none."""
    definition_hash: str
    """The SHA-256 of the export, its connection and its catalog entries when the run started."""
    refreshes: tuple[str, ...]
    """The DAG ids of the refreshes that the run waits for."""

    @property
    def mode(self) -> Mode:
        """The mode of this run: requested or declared."""
        return self.run.mode or self.export.mode

    def mode_of(self, feed: Feed) -> Mode:
        """The mode of a feed in this run: requested or declared."""
        return "full" if self.run.mode == "full" else feed.mode or self.export.mode

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

    @property
    def consents(self) -> tuple[Consent, ...]:
        """The consents that every row needs: of the connection, and of the export."""
        return tuple(dict.fromkeys(one for one in (self.connection.consent, self.export.consent) if one))

    @property
    def suppressions(self) -> tuple[Suppression, ...]:
        """The lists of those who are left out: of the connection, and of the export."""
        return tuple(dict.fromkeys((*self.connection.suppress, *self.export.suppress)))

    @property
    def rejects_unfit(self) -> bool:
        """Whether a row that the format cannot hold is rejected; otherwise it fails the run."""
        return (self.export.rejects.unfit_values or self.format.unfit) == "reject"

    def feed(self, name: str) -> Feed:
        return next(feed for feed in self.feeds if feed.name == name)

    @property
    def extension(self) -> str:
        """The extension of every part's name, with its dot: the declared one, or that of the bytes."""
        declared = self.export.names.extension
        if declared is not None:
            return f".{declared}" if declared else ""
        openpgp = self.connection.openpgp
        return self.format.extension + (f".{openpgp.extension}" if openpgp else "")

    def beside_manifest(self, name: str) -> str:
        """The name of another file in the manifest's folder."""
        folder = self.manifest.rpartition("/")[0]
        return f"{folder}/{name}" if folder else name

    @property
    def log_name(self) -> str:
        """The name of the run's log, without its folder: `MMP-112726-063000-customers.log`."""
        return f"{self.connection.rules.log}-{self.run.time:%m%d%y-%H%M%S}-{self.export.name}.log"

    @property
    def log(self) -> str | None:
        """The name of the log at the destination, relative to the connection's folder; None if none is written
        there."""
        if self.export.log == "delivery":
            return self.beside_manifest(self.log_name)
        folder = self.export.log.folder.strip("/") if isinstance(self.export.log, LogFolder) else ""
        return f"{folder}/{self.log_name}" if folder else None

    @property
    def most(self) -> int | None:
        """The most records of a group: the limit of a segment, if a segment over it is split. Otherwise None: each feed
        is one group."""
        limits = (self.connection.limits.records_per_segment, self.limits.records_per_segment)
        return min((limit for limit in limits if limit), default=None) if may_split(self.export) else None

    def name_of(self, feed: Feed, chunk: Chunk, *, alone: bool = False) -> str:
        """The name of the part that a chunk, or a piece of one, becomes. `alone` says that the feed has no other
        part."""
        return self.part_name(feed, *chunk.key, group=chunk.group, alone=alone)

    def part_name(self, feed: Feed, number: int, piece: int = 0, *, group: int = 0, alone: bool = False) -> str:
        """A part's name, always the same for the same run, chunk and piece."""
        if piece >= PIECES and SPLIT in feed.file:
            raise FatalError(
                f"{feed.name}: a chunk became more than {PIECES:,} files, so %SPLIT% cannot number them",
                next_step="declare a larger `chunks.bytes`, or use %PART%",
            )
        cut = self.chunks.bytes is not None
        part = f"{number:05d}-{piece:03d}" if cut and PIECE not in feed.file else f"{number:05d}"
        split = self.export.names.split.text(number * PIECES + piece if cut else number, alone=alone)
        stem = feed.file.replace(PART, part).replace(PIECE, f"{piece:03d}").replace(SPLIT, split)
        return named(self._in_folder(feed, f"{stem}{self.extension}"), group)

    @property
    def shared_names(self) -> Mapping[str, str]:
        """Patterns of names that do not contain the run's id, so that another run may have the same names: of each feed
        by its name, and of a trigger file that an aborted run may have left, by an empty name."""
        patterns = {one.name: named(self._in_folder(one, f"{one.file}{self.extension}"), 0) for one in self.feeds}
        trigger = self.export.names.trigger
        if trigger and trigger.name and trigger.written == "before-manifest":
            patterns[""] = self.trigger
        return {name: pattern for name, pattern in patterns.items() if str(self.run.id) not in pattern}

    def triggers(self, parts: Iterable[str]) -> tuple[str, ...]:
        """The names of the delivery's trigger files, given those of its parts."""
        trigger = self.export.names.trigger
        if trigger is None:
            return ()
        return tuple(trigger.beside(part, self.extension) for part in parts) if trigger.suffix else (self.trigger,)

    @staticmethod
    def _in_folder(feed: Feed, name: str) -> str:
        return f"{feed.folder}/{name}" if feed.folder else name
