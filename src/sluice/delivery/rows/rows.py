"""The delivered rows of one feed by ordinal: any range of them, in a fixed order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.selection import Selection
from sluice.mapping.mapper import Mapper
from sluice.memory import budget
from sluice.model.weight import split
from sluice.sources.base import Source

if TYPE_CHECKING:
    import pyarrow as pa


_SAMPLED = 8
"""Slices that are sampled to estimate the memory of all."""


class FeedRows:
    """Ordinals count from 0 over the kept rows of all slices. Each `read` is independent, so threads may read in
    parallel."""

    def __init__(
        self, source: Source, extract: FeedExtract, mapper: Mapper, selection: Callable[[], Selection] | None
    ) -> None:
        self._source = source
        self._extract = extract
        self._mapper = mapper
        self._selection = selection
        self._ends = list(accumulate(extract.kept))

    def read(self, first: int, last: int) -> Iterator[pa.Table]:
        """Delivered rows `first` to `last` (exclusive), as tables of bounded size, read lazily."""
        selection = self._selection() if self._selection else None
        position, most = first, budget().table
        for index in range(bisect_right(self._ends, first), len(self._ends)):
            if position >= last:
                return
            if not self._extract.kept[index]:
                continue  # not even read
            start = self._ends[index] - self._extract.kept[index]
            for table in _window(self._slice(index, selection), position - start, last - start):
                position += table.num_rows
                yield from self._mapped(table, most)

    def taking(self, first: int, last: int) -> tuple[int, int]:
        """Estimates for rows `first` to `last`, from a sample of their slices: the bytes of memory that reading takes,
        and the stored bytes per row."""
        slices = self._extract.pinned.slices
        low, high = bisect_right(self._ends, first), bisect_left(self._ends, last)
        found = sorted(
            {low + (high - low) * spot // (_SAMPLED - 1) for spot in range(_SAMPLED)} & {*range(len(slices))}
        )
        costs = (self._source.cost(self._extract.pinned, slices[index], self._mapper.columns) for index in found)
        stored = sum(slices[index].bytes for index in found)
        return max(costs, default=0), stored // max(1, sum(slices[index].records for index in found))

    def _mapped(self, table: pa.Table, most: int) -> Iterator[pa.Table]:
        """The delivered rows, split again if an expression may have made them larger."""
        mapped = self._mapper.apply(table)
        return iter((mapped,)) if self._mapper.query is None else split(mapped, most)

    def _slice(self, index: int, selection: Selection | None) -> Iterator[pa.Table]:
        pinned = self._extract.pinned
        piece = pinned.slices[index]
        all_kept = selection is None or self._extract.kept[index] == piece.records
        rows = None if selection is None or all_kept else selection.rows(index)
        return self._source.read(pinned, piece, self._mapper.columns, rows, as_decoded=True)


def _window(tables: Iterator[pa.Table], first: int, last: int) -> Iterator[pa.Table]:
    """Rows `first` to `last` (exclusive) of consecutive tables."""
    start = 0
    for table in tables:
        end = start + table.num_rows
        if end > first and start < last:
            low = max(first - start, 0)
            yield table.slice(low, min(last, end) - start - low)
        start = end
        if start >= last:
            return


class Cutter:
    """Cuts a stream of tables at exact row counts."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self._rest: pa.Table | None = None

    def close(self) -> None:
        """Release the resources of the reader."""
        self._rest = None
        if isinstance(self._tables, Generator):
            self._tables.close()

    def take(self, records: int) -> Iterator[pa.Table]:
        """The next `records` rows, lazily; fewer at the end of the stream."""
        missing = records
        while missing > 0:
            table = self._rest if self._rest is not None else next(self._tables, None)
            if table is None:
                return
            self._rest = table.slice(missing) if table.num_rows > missing else None
            piece = table.slice(0, missing)
            missing -= piece.num_rows
            yield piece
