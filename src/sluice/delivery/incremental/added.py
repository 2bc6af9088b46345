"""The rows that were added to a feed's dataset since its last delivery, or within a slice of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from sluice.definition.models.catalog import CursorColumn, Dataset
from sluice.delivery.extraction import Extraction, FeedExtraction, FeedStep
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.selection import write_selection
from sluice.errors import FatalError, about
from sluice.model.run import Window
from sluice.plan.model import Feed, Plan
from sluice.sources.base import Pinned, Slice, Source
from sluice.sources.cursor import Bounds, Cursor
from sluice.sources.position import START_AGAIN, Growing, Position, Skipping, narrowed, same_table

if TYPE_CHECKING:
    import pyarrow as pa

_DOUBTFUL = timedelta(seconds=30)
"""Clocks on a network that keeps time differ by less."""


def _describe(plan: Plan, feed: Feed) -> str | None:
    if feed.mode != "incremental":
        return None
    added_by = feed.dataset.added_by
    by = f"column {added_by.column}" if isinstance(added_by, CursorColumn) else added_by
    if plan.run.window:
        return f"selects the rows that were added in {plan.run.window}, by {by}"
    if plan.mode == "full":
        return f"selects every row, and records the position for the next run, by {by}"
    return f"selects the rows that were added since the last delivery, by {by}"


def _take(work: FeedExtraction) -> None:
    with about("datasets", work.feed.dataset.name, "incremental"):
        work.extract = added_of(work.feed, work.source, work.extract.pinned, work.since, work.run)
    if warning := on_trust(work.extract):
        work.run.note.warn(warning)


ADDED = FeedStep("added", _describe, _take)


def added_of(feed: Feed, source: Source, pinned: Pinned, since: Position | None, run: Extraction) -> FeedExtract:
    """The feed's new rows among the pinned ones, with the position that a delivery of them reaches. `since` is the
    position of the last delivery; None starts from the beginning. A run with a window selects its slice of time
    instead, and has no position.

    Raises `FatalError` if the last delivery found its new rows in another way.
    """
    by = feed.dataset.added_by
    _check_same(feed.dataset, since)
    if isinstance(by, CursorColumn):
        return _by_column(feed, source, pinned, since, run)
    growing = cast("Growing", source)
    window = run.plan.run.window
    if window is not None:
        return _whole(feed, growing.between(pinned, window), window=str(window))
    position = growing.position(pinned)
    new = growing.added(pinned, since) if since else pinned
    return _whole(feed, new, since=since, position=position)


def skipping(feed: Feed, plan: Plan, source: Source, since: Position | None) -> Source:
    """The source to pin. It skips rows that an incremental run leaves out anyway. If the declaration says how late a
    row may appear, it does not wait for open transactions."""
    by, window = feed.dataset.added_by, plan.run.window
    if not isinstance(by, CursorColumn) or not isinstance(source, Skipping):
        return source
    if window is not None:
        return source.above(by.column, f"{window.after.astimezone(UTC):%Y-%m-%d}Z")
    same = since is not None and since.by == f"column {by.column}"
    above = source.above(by.column, since.at) if since and same and since.at else source
    return above.settled(by.column) if isinstance(above, Skipping) and not by.waits else above


def on_trust(extract: FeedExtract) -> str | None:
    """The warning if the last position, from an older version of Sluice, names no table, and the new one does."""
    since, position = extract.since, extract.position
    if since is None or position is None or since.table is not None or position.table is None:
        return None
    return (
        f"{extract.feed}: an older version of Sluice published the last delivery and did not record the table's "
        f"identity, so this run assumes the same table, {position.table}. Later runs refuse another table"
    )


def _whole(
    feed: Feed, pinned: Pinned, *, since: Position | None = None, position: Position | None = None, window: str = ""
) -> FeedExtract:
    kept = tuple(piece.records for piece in pinned.slices)
    return FeedExtract(feed=feed.name, pinned=pinned, kept=kept, since=since, position=position, window=window or None)


def _by_column(feed: Feed, source: Source, pinned: Pinned, since: Position | None, run: Extraction) -> FeedExtract:
    spec = cast("CursorColumn", feed.dataset.added_by)
    cursor = Cursor(spec.column, pinned.schema, dataset=feed.dataset.name)
    window: Window | None = run.plan.run.window
    # A lake table with a cursor column may be recreated by design, so its identity is not checked.
    table = pinned.table if isinstance(source, Skipping) else None
    if since is not None and window is None:
        same_table(table, since, dataset=feed.dataset.name)
    bounds = cursor.within(window) if window else cursor.since(since, _until(cursor, run), spec.late)
    if spec.behind and not window:
        bounds = cursor.behind(source, pinned, bounds, spec.behind)
    rows = _NewRows(cursor, source, pinned, bounds)
    name = f"selection/{feed.name}.arrow"
    write_selection(run.stage.opened, name, iter(rows))
    last = max(rows.lasts, default=bounds.low)
    return FeedExtract(
        feed=feed.name,
        pinned=narrowed(pinned, rows.pieces),
        kept=tuple(rows.kept),
        selection=name,
        since=None if window else since,
        position=None if window else cursor.position(last).model_copy(update={"table": table}),
        window=str(window) if window else None,
    )


def _until(cursor: Cursor, run: Extraction) -> datetime:
    """The time up to which a column of times is read. A clock that is ahead would pass values whose rows have not
    appeared yet, so the one that is behind counts."""
    if not cursor.is_time:
        return run.now
    until = run.stage.time(run.now)
    if run.now - until > _DOUBTFUL:
        apart = timedelta(seconds=round((run.now - until).total_seconds()))
        run.note.warn(
            f"this worker's clock is {apart} ahead of that of staging's store, so the rows are selected as if it were"
            f" {until:%Y-%m-%d %H:%M:%S} UTC: set the clock that is wrong; `sluice doctor` compares them"
        )
    return until


class _NewRows:
    """The row numbers of each slice with new rows. The other attributes are complete once it was iterated over."""

    def __init__(self, cursor: Cursor, source: Source, pinned: Pinned, bounds: Bounds) -> None:
        self._found = cursor.find(source, pinned, bounds)
        self.pieces: list[Slice] = []
        self.kept: list[int] = []
        self.lasts: list[int] = []

    def __iter__(self) -> Iterator[pa.Array]:
        for found in self._found:
            if found.last is not None:
                self.pieces.append(found.piece)
                self.kept.append(len(found.rows))
                self.lasts.append(found.last)
                yield found.rows


def _check_same(dataset: Dataset, since: Position | None) -> None:
    by = dataset.added_by
    now = f"column {by.column}" if isinstance(by, CursorColumn) else by
    if since is not None and since.by != now:
        raise FatalError(
            f"dataset {dataset.name} was last delivered by its {since.by}, but its new rows are now found by its {now}",
            next_step=START_AGAIN,
        )
