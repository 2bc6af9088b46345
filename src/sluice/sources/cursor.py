"""A cursor column: it says when a row was added, for datasets whose source cannot detect new rows.

Values are compared as whole numbers. Times are nanoseconds of UNIX time (a time without a zone counts as UTC), a date
is the end of its day, and whole numbers are used unchanged.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sluice.errors import DefinitionError, FatalError
from sluice.model.layout import numbers
from sluice.model.run import Window, unix_ns
from sluice.sources.base import Pinned, Slice, Source, known_columns
from sluice.sources.position import START_AGAIN, Position
from sluice.sources.times import DAY, UNITS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_THREADS = min(8, (os.cpu_count() or 2))
_AHEAD = 4 * _THREADS
"""Slices whose row numbers are held in memory at the same time."""


class Bounds(NamedTuple):
    """Selects values above `low` and up to and including `high`. None means no bound."""

    low: int | None
    high: int | None


class Found(NamedTuple):
    """The rows of one slice within the bounds."""

    piece: Slice
    rows: pa.Array
    """Row numbers within the slice, ascending, as uint32."""
    last: int | None
    """The greatest value of these rows. None if there are none."""


class Cursor:
    """The cursor column of a pinned dataset. Raises `DefinitionError` if the column is unknown or its type has no order
    in time. Timestamps, dates and whole numbers have one."""

    def __init__(self, column: str, schema: pa.Schema, *, dataset: str) -> None:
        self.column = column
        self._dataset = dataset
        self._type = known_columns(schema, [column], dataset=dataset).field(0).type
        self._check()

    @property
    def is_time(self) -> bool:
        import pyarrow.types as types

        return bool(types.is_timestamp(self._type) or types.is_date(self._type))

    def since(self, position: Position | None, now: datetime, late: timedelta | None) -> Bounds:
        """From the position of the last delivery up to `now` minus the allowed lateness. Numbers have no upper
        bound."""
        low = None if position is None or not position.at else self._number(position.at)
        if not self.is_time and late:
            raise DefinitionError(
                f"dataset {self._dataset}: `late` needs a column of times, but {self.column} is of type {self._type}",
                next_step="use `behind` instead, or name a column of timestamps",
            )
        return Bounds(low, unix_ns(now - (late or timedelta(0))) if self.is_time else None)

    def behind(self, source: Source, pinned: Pinned, bounds: Bounds, numbers: int) -> Bounds:
        """The same lower bound, and an upper bound of the greatest value minus `numbers`. Reads one column."""
        if self.is_time:
            raise DefinitionError(
                f"dataset {self._dataset}: `behind` needs whole numbers, but {self.column} is of type {self._type}",
                next_step="use `late` instead: how long after its time a row may still appear",
            )
        lasts = [found.last for found in self.find(source, pinned, bounds) if found.last is not None]
        return Bounds(bounds.low, max(lasts) - numbers) if lasts else bounds

    def within(self, window: Window) -> Bounds:
        if not self.is_time:
            raise DefinitionError(
                f"dataset {self._dataset}: {self.column} is of type {self._type}, which does not show when a row was"
                " added",
                next_step="to backfill it, name a column of timestamps or dates in the dataset's `incremental`",
            )
        return Bounds(window.after_ns, window.until_ns)

    def position(self, value: int | None) -> Position:
        """The position after a delivery up to this value. Its text is exact and readable."""
        return Position(by=f"column {self.column}", at="" if value is None else self._spelled(value))

    def find(self, source: Source, pinned: Pinned, bounds: Bounds) -> Iterator[Found]:
        """The rows of each slice within the bounds, in order. Reads one column.

        Raises `FatalError` if a row has no value: no delivery would contain it."""
        with ThreadPoolExecutor(_THREADS, "cursor") as threads:
            # `map` submits everything immediately. Batches limit the row numbers that wait for the caller.
            for start in range(0, len(pinned.slices), _AHEAD):
                pieces = pinned.slices[start : start + _AHEAD]
                yield from threads.map(lambda piece: self._find(source, pinned, piece, bounds), pieces)

    def _find(self, source: Source, pinned: Pinned, piece: Slice, bounds: Bounds) -> Found:
        import numpy as np

        found, last, start = [], None, 0
        for table in source.read(pinned, piece, [self.column]):
            column = table[self.column]
            if column.null_count:
                raise self._without_value(column.null_count, piece)
            values = self._integers(column)
            # Convert the two bounds to the column's unit, instead of all values to nanoseconds.
            mask = np.ones(len(values), bool)
            if bounds.low is not None:
                mask &= values > self._stored(bounds.low)
            if bounds.high is not None:
                mask &= values <= self._stored(bounds.high)
            if mask.any():
                found.append((np.flatnonzero(mask) + start).astype(np.uint32))
                greatest = (int(values[mask].max()) + self._offset) * self._factor
                last = greatest if last is None else max(last, greatest)
            start += len(values)
        return Found(piece, numbers(np.concatenate(found) if found else np.array([], np.uint32)), last)

    def _check(self) -> None:
        import pyarrow.types as types

        kind = self._type
        self._factor, self._offset = 1, 0
        if types.is_timestamp(kind):
            self._factor = UNITS[kind.unit]
        elif types.is_date(kind):
            self._factor, self._offset = DAY, 1  # a date counts as the end of its day, which is the next day's start
        elif not types.is_integer(kind) or types.is_uint64(kind):
            raise DefinitionError(
                f"dataset {self._dataset}: {self.column} is of type {kind}, which has no order in time",
                next_step="name a column of timestamps, dates or growing whole numbers in the dataset's `incremental`",
            )

    def _integers(self, column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
        """The stored values: times in their own unit, dates in days."""
        import pyarrow as pa

        if pa.types.is_date(self._type):
            column = column.cast(pa.date32()).cast(pa.int32())
        values: np.ndarray[Any, Any] = column.cast(pa.int64()).to_numpy()
        return values

    def _stored(self, number: int) -> int:
        """The greatest stored value that is not above the number.

        Comparing in the stored unit avoids an overflow: nanoseconds in 64 bits end in 2262, other units hold later
        times. Floor division is exact for `>` and `<=` alike."""
        return number // self._factor - self._offset

    def _spelled(self, value: int) -> str:
        if not self.is_time:
            return str(value)
        seconds, rest = divmod(value, 10**9)
        whole = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
        return f"{whole.isoformat()}.{rest:09d}Z"

    def _number(self, spelled: str) -> int:
        """Parse what `_spelled` wrote. Raises `FatalError` if the column held another type of value then."""
        if self.is_time != spelled.endswith("Z"):
            raise FatalError(
                f"dataset {self._dataset}: the last delivery stopped at {spelled}, but {self.column} is now of type"
                f" {self._type}",
                next_step=START_AGAIN,
            )
        if not self.is_time:
            return int(spelled)
        whole, _, rest = spelled.removesuffix("Z").partition(".")
        return unix_ns(datetime.fromisoformat(whole).replace(tzinfo=UTC)) + int(rest)

    def _without_value(self, rows: int, piece: Slice) -> FatalError:
        return FatalError(
            f"dataset {self._dataset}: {rows:,} rows of {piece.unit} have no {self.column}, so they belong to no"
            " delivery",
            next_step="fill the column, or declare another `incremental` for the dataset",
        )
