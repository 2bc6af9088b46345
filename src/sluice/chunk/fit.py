"""Chunks by bytes: how many records go into one file of at most so many bytes.

The size of rows is known only after they are encoded and compressed. So a sample determines the records of a chunk, and
a chunk that turns out too large for its file is halved until every piece fits. Both depend only on the rows, the format
and the limit.
"""

from __future__ import annotations

from collections.abc import Callable

FILL = 0.9
"""The target size as a share of the limit: rows differ in size, and a chunk that does not fit is encoded twice."""

SPOTS, ROWS = 8, 2_000
"""The sample: `SPOTS` stretches of `ROWS` records, spread evenly from the feed's first record to its last."""


def sample_of(records: int) -> list[tuple[int, int]]:
    """The sampled stretches, as first record and last record (exclusive); a small feed is sampled completely."""
    if records <= SPOTS * ROWS:
        return [(0, records)]
    starts = [(records - ROWS) * spot // (SPOTS - 1) for spot in range(SPOTS)]
    return [(start, start + ROWS) for start in starts]


def records_within(limit: int, sampled: int, size: int) -> int:
    """Records per chunk for files of at most `limit` bytes, if `sampled` records make a file of `size` bytes."""
    return max(1, int(limit * FILL * sampled / size))


def halved(records: int, fits: Callable[[int, int], bool]) -> list[int]:
    """The records of each piece of a chunk that does not fit. `fits(first, records)` is called for stretches of the
    chunk, in order. A single record is always a piece, whatever its size."""

    def cut(first: int, count: int) -> list[int]:
        return [count] if count == 1 or fits(first, count) else halves(first, count)

    def halves(first: int, count: int) -> list[int]:
        half = count - count // 2
        return [*cut(first, half), *cut(first + half, count - half)]

    return halves(0, records) if records > 1 else [records]
