"""Chunks by bytes: how many records go into one file of at most so many bytes.

How large rows become is known when they are encoded and compressed, not before. So a sample says how many records one
chunk has, and a chunk that turns out larger than its file may be is halved until every piece fits. Both follow from
the rows, the format and the limit alone.
"""

from __future__ import annotations

from collections.abc import Callable

FILL = 0.9
"""How full the sample would make a file: rows differ, and a chunk that does not fit is encoded twice."""

SPOTS, ROWS = 8, 2_000
"""The sample: so many stretches of the feed, spread evenly from its first record to its last, of so many records."""


def sample_of(records: int) -> list[tuple[int, int]]:
    """The stretches that are looked at, as the first record and the one after the last; the whole of a small feed."""
    if records <= SPOTS * ROWS:
        return [(0, records)]
    starts = [(records - ROWS) * spot // (SPOTS - 1) for spot in range(SPOTS)]
    return [(start, start + ROWS) for start in starts]


def records_within(limit: int, sampled: int, size: int) -> int:
    """Records of one chunk, where `sampled` records make a file of `size` bytes."""
    return max(1, int(limit * FILL * sampled / size))


def halved(records: int, fits: Callable[[int, int], bool]) -> list[int]:
    """How many records each piece holds of a chunk that does not fit. `fits(first, records)` is asked of stretches of
    the chunk, in their order; a single record is a piece, however large it is."""

    def cut(first: int, count: int) -> list[int]:
        return [count] if count == 1 or fits(first, count) else halves(first, count)

    def halves(first: int, count: int) -> list[int]:
        half = count - count // 2
        return [*cut(first, half), *cut(first + half, count - half)]

    return halves(0, records) if records > 1 else [records]
