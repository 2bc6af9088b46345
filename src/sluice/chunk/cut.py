"""Cut a feed into chunks, a chunk into pieces, and chunks into shards."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from sluice.model.part import Chunk, Shard

SHARD_RECORDS = 5_000_000
"""Records per shard. Starting a task costs about a second, sending these records about twelve seconds of processor time
(`benchmarks/RESULTS.md`), and the threads of one task use every core of its worker."""


def chunks_of(records: int, size: int, first: int, count: int) -> list[Chunk]:
    """Chunks `first` to `first + count` (exclusive) of a feed with `records` rows, `size` in each except the last."""
    return [
        Chunk(number=number, first=number * size, records=min(size, records - number * size))
        for number in range(first, first + count)
    ]


def pieces_of(chunk: Chunk, records: Sequence[int]) -> list[Chunk]:
    """The chunk's pieces, with the given records each."""
    ends = accumulate(records)
    return [
        Chunk(number=chunk.number, piece=piece, first=chunk.first + end - count, records=count)
        for piece, (count, end) in enumerate(zip(records, ends, strict=True))
    ]


def shards_of(feed: str, records: int, size: int, most: int, number: int) -> list[Shard]:
    """The shards of one feed, numbered from `number`, at most `most`, with nearly equal numbers of chunks; none without
    records."""
    chunks = -(-records // size)
    wanted = min(most, chunks, -(-records // SHARD_RECORDS))
    bounds = [chunks * i // wanted for i in range(wanted + 1)] if wanted else [0]
    return [
        Shard(
            number=number + i,
            feed=feed,
            first_chunk=first,
            chunks=last - first,
            records=min(last * size, records) - first * size,
            size=size,
        )
        for i, (first, last) in enumerate(pairwise(bounds))
    ]
