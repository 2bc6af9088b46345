"""Changes: find by key the rows that were added, changed or removed since the last delivery.

A Parquet file in staging records what was delivered: each row's key and a digest of its delivered values. The watermark
names the file, so it counts once its delivery is published. The rows that differ are copied into the run's staging and
read from there like any others; of removed rows, only the key is copied.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from uuid import uuid4

from sluice.delivery.extraction import FeedExtraction, FeedStep
from sluice.delivery.incremental.comparison import Comparison
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.opened import rows_of
from sluice.delivery.rows.rows import FeedRows
from sluice.delivery.staging import Stage, delivered_before
from sluice.errors import about
from sluice.filesystem import Opened
from sluice.mapping.mapper import Mapper
from sluice.memory import budget
from sluice.model.access import Connections
from sluice.plan.model import Feed, Plan
from sluice.sources.position import Position
from sluice.sources.spooling import Copies
from sluice.sql import connect

_THREADS = 2


def _describe(plan: Plan, feed: Feed) -> str | None:
    if feed.mode != "changes":
        return None
    if plan.mode == "full":
        return "takes every row as added, and remembers each for the next delivery"
    return "takes the rows that were added, changed and removed since the last delivery"


def _take(work: FeedExtraction) -> None:
    rows = rows_of(work.source, work.extract, work.mapper, work.run.stage)
    with about("datasets", work.feed.dataset.name):
        changes = Changes(work.plan, work.feed, work.mapper, work.since, work.run.stage, work.run.connections)
        work.extract = changes.of(work.extract, rows)


CHANGES = FeedStep("changes", _describe, _take)


@dataclass(frozen=True)
class Changes:
    """Finds the changes of one feed of one run."""

    plan: Plan
    feed: Feed
    mapper: Mapper
    since: Position | None
    """The position of the last delivery; None if everything counts as added."""
    stage: Stage
    connections: Connections

    def of(self, extract: FeedExtract, rows: FeedRows) -> FeedExtract:
        """The extract of the rows that differ. Raises `FatalError` if a row has no key, or if two rows have the same
        key."""
        kept = delivered_before(self.plan.staging, self.plan.export.name, self.connections)
        with (
            tempfile.TemporaryDirectory(prefix="sluice-") as spill,
            connect(threads=_THREADS, memory=budget().engine, spill=spill) as engine,
        ):
            comparison = Comparison(engine, self.mapper.schema, self.key, dataset=self.feed.dataset.name)
            comparison.load_current(rows.read(0, extract.records))
            comparison.load_delivered(kept, self.since)
            position = self._record(comparison, kept)
            copies = Copies(self.connections, dataset=self.feed.dataset.name)
            spool = self.stage.opened.below(f"changes/{self.feed.name}")
            pinned = copies.write(comparison.differing(rows, extract.kept), spool)
        return extract.model_copy(
            update={
                "pinned": pinned.model_copy(update={"version": extract.pinned.version}),
                "kept": tuple(piece.records for piece in pinned.slices),
                "selection": None,
                "since": self.since,
                "position": position,
                "changes": comparison.counts,
            }
        )

    @property
    def key(self) -> str:
        """The delivered column that holds the dataset's key."""
        fields = self.feed.fields
        if fields is None:
            return self.feed.dataset.key
        return next(field.output for field in fields if field.field == self.feed.dataset.key)

    def _record(self, comparison: Comparison, kept: Opened) -> Position:
        """Record what this delivery will have delivered. Each attempt writes its own file; the file that the watermark
        names is never changed."""
        folder = f"rows/{self.feed.name}"
        name = f"{folder}/{self.plan.run.id}-{uuid4().hex[:8]}.parquet"
        if self.since is not None and (last := kept.stat(self.since.at)):
            # Files older than that of the last delivery belong to runs that can no longer publish.
            kept.remove(f.name for f in kept.list(folder) if f.modified < last.modified)
        comparison.write(kept, name)
        return Position(by="changes", at=name)
