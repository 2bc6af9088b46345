"""Cut a feed into groups and chunks, a chunk into pieces, and chunks into shards."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple

from sluice.model.part import Chunk, Shard

SHARD = 500 * 10**6
"""The default size of a shard, in bytes of its rows as the source stores them, before compression. Starting a task
costs about a second, sending so much ten seconds of processor time or more (`benchmarks/RESULTS.md`), and the threads
of one task use every core of its worker."""
_RECORD = 100
"""Bytes that a record counts if the source does not know its size."""


class Weight(NamedTuple):
    """Consecutive records, and their bytes; 0 if the source does not know them."""

    records: int
    bytes: int

    @property
    def counted(self) -> int:
        return self.bytes or self.records * _RECORD


@dataclass(frozen=True)
class Cuts:
    """Where a feed is cut: first into groups, then each group into chunks, so that no chunk belongs to two groups."""

    records: int
    """The records of the feed."""
    size: int
    """The records of a chunk, except the last one of each group."""
    most: int | None = None
    """The most records of a group; None if the feed is one group."""

    @cached_property
    def groups(self) -> int:
        return max(1, -(-self.records // self.most)) if self.most else 1

    @cached_property
    def group(self) -> int:
        """The records of a group, except the last one. The groups are nearly equal: a target that limits its segments
        may also refuse those with few records."""
        return max(1, -(-self.records // self.groups))

    @cached_property
    def chunks(self) -> int:
        """The number of chunks."""
        full, rest = divmod(self.records, self.group)
        return full * self._each + -(-rest // self.size)

    @cached_property
    def _each(self) -> int:
        """The chunks of a group, except the last one."""
        return -(-self.group // self.size)

    def group_of(self, number: int) -> int:
        """The group of a chunk."""
        return number // self._each

    def start(self, number: int) -> int:
        """The first record of a chunk; after the last chunk, the number of records."""
        group, within = divmod(number, self._each)
        return min(group * self.group + within * self.size, self.records)

    def at(self, record: int) -> int:
        """The chunk of a record."""
        group, within = divmod(record, self.group)
        return group * self._each + within // self.size

    def nearest(self, record: int) -> int:
        """The chunk whose start is nearest to a record; the number of chunks stands for the end of the last one."""
        chunk = self.at(record)
        return chunk + (2 * record > self.start(chunk) + self.start(chunk + 1))

    def of(self, first: int, count: int) -> list[Chunk]:
        """Chunks `first` to `first + count` (exclusive)."""
        return [
            Chunk(number=number, first=start, records=end - start, group=self.group_of(number))
            for number, (start, end) in enumerate(
                pairwise(self.start(number) for number in range(first, first + count + 1)), first
            )
        ]


def pieces_of(chunk: Chunk, records: Sequence[int]) -> list[Chunk]:
    """The chunk's pieces, with the given records each."""
    ends = accumulate(records)
    return [
        chunk.model_copy(
            update={"piece": piece, "pieces": len(records), "first": chunk.first + end - count, "records": count}
        )
        for piece, (count, end) in enumerate(zip(records, ends, strict=True))
    ]


def shards_of(feed: str, cuts: Cuts, weights: Sequence[Weight], most: int, carries: int, number: int) -> list[Shard]:
    """The shards of one feed, numbered from `number`: as many as are needed for `carries` bytes each, at most `most`,
    with nearly equal numbers of bytes; none without records. `weights` are those of the records of `cuts`, in order."""
    bounds = _bounds(cuts, weights, most, carries) if cuts.records else [0]
    return [
        Shard(
            number=number + i,
            feed=feed,
            first_chunk=first,
            chunks=last - first,
            records=cuts.start(last) - cuts.start(first),
            size=cuts.size,
        )
        for i, (first, last) in enumerate(pairwise(bounds))
    ]


def _bounds(cuts: Cuts, weights: Sequence[Weight], most: int, carries: int) -> list[int]:
    """The first chunk of each shard, and the end of the last one. Every shard has a chunk."""
    total = sum(weight.counted for weight in weights)
    wanted = min(most, cuts.chunks, -(-total // carries))
    bounds = [0]
    for shard, record in enumerate(_records_at(weights, [total * i // wanted for i in range(1, wanted)]), start=1):
        bounds.append(min(max(cuts.nearest(record), bounds[-1] + 1), cuts.chunks - (wanted - shard)))
    return [*bounds, cuts.chunks]


def _records_at(weights: Sequence[Weight], positions: Sequence[int]) -> Iterator[int]:
    """The number of records before each position in bytes."""
    ends = list(accumulate(weight.counted for weight in weights))
    before = list(accumulate((weight.records for weight in weights), initial=0))
    for position in positions:
        index = bisect_left(ends, position)
        weight = weights[index]
        within = position - (ends[index] - weight.counted)
        yield before[index] + weight.records * within // max(1, weight.counted)
