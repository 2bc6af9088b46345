"""Read selected rows of a pinned dataset, several slices in parallel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from sluice.memory import in_turn
from sluice.model.layout import numbers
from sluice.sources.base import Pinned, Source
from sluice.sources.row_set import RowSet

if TYPE_CHECKING:
    import pyarrow as pa

_THREADS = min(8, (os.cpu_count() or 2))
_AHEAD = 2 * _THREADS
"""The most slices whose results are in memory at the same time."""

T = TypeVar("T")


def each_slice(
    source: Source,
    pinned: Pinned,
    rows: RowSet,
    columns: Sequence[str] | None,
    act: Callable[[int, Iterator[pa.Table]], T],
    weigh: Callable[[T], int] = lambda _: 1,
) -> Iterator[T]:
    """Yield the result of `act` for each slice that has any of `rows`, in slice order. `act` gets the slice's index and
    those rows, and runs in several threads. `weigh` returns the bytes of a result that holds rows."""

    def one(index: int) -> T:
        piece, wanted = pinned.slices[index], rows.rows(index)
        some = None if len(wanted) == piece.records else numbers(wanted)
        return act(index, source.read(pinned, piece, columns, some))

    with ThreadPoolExecutor(_THREADS, "rows") as threads:
        yield from in_turn(one, rows, threads, most=_AHEAD, weigh=weigh)
