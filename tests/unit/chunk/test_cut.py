"""Groups and chunks are exact and cover the feed once; shards are runs of chunks, of nearly equal numbers of bytes."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chunk.cut import SHARD, Cuts, Weight, shards_of
from sluice.model.part import Chunk, Shard

WEIGHTS = st.lists(st.builds(Weight, st.integers(0, 10**7), st.integers(0, 10**10)), max_size=8)


def cut_into(weights: list[Weight], size: int, most: int, carries: int = SHARD) -> list[Shard]:
    """The shards of a feed that is one group."""
    return shards_of("f", Cuts(sum(weight.records for weight in weights), size), weights, most, carries, 0)


@pytest.mark.slow
@given(
    weights=WEIGHTS,
    size=st.integers(1, 10**6),
    most=st.integers(1, 64),
    carries=st.integers(1000, 10**10),
    number=st.integers(0, 9),
)
def test_shards_cover_every_record_once(weights: list[Weight], size: int, most: int, carries: int, number: int) -> None:
    records = sum(weight.records for weight in weights)
    shards = shards_of("f", Cuts(records, size), weights, most, carries, number)
    assert sum(shard.records for shard in shards) == records
    assert len(shards) <= most
    assert [shard.number for shard in shards] == list(range(number, number + len(shards)))
    position = 0
    for shard in shards:
        assert shard.chunks >= 1
        assert shard.first_chunk == position
        position += shard.chunks
    assert position == -(-records // size)


@pytest.mark.slow
@given(records=st.integers(1, 5000), size=st.integers(1, 700))
def test_chunks_hold_exactly_the_declared_records(records: int, size: int) -> None:
    chunks = Cuts(records, size).of(0, -(-records // size))
    assert [chunk.records for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)
    assert 0 < chunks[-1].records <= size
    assert [chunk.first for chunk in chunks] == [size * n for n in range(len(chunks))]
    assert sum(chunk.records for chunk in chunks) == records


def test_a_shards_chunks_are_those_of_the_whole() -> None:
    assert Cuts(25, 10).of(1, 2) == [Chunk(number=1, first=10, records=10), Chunk(number=2, first=20, records=5)]


def test_a_small_feed_is_one_task_and_an_empty_one_none() -> None:
    assert len(cut_into([Weight(1000, SHARD)], 10, 8)) == 1
    assert len(cut_into([Weight(1000, SHARD + 1)], 10, 8)) == 2
    assert cut_into([], 10, 4) == []
    assert cut_into([Weight(0, 0)], 10, 4) == []


def test_shards_are_equal_in_bytes_not_in_records() -> None:
    """The last hundred records are as large as the nine hundred before."""
    weights = [Weight(900, 9_000_000), Weight(100, 9_000_000)]
    assert [shard.records for shard in cut_into(weights, 10, 8, 9_000_000)] == [900, 100]
    assert [shard.records for shard in cut_into(weights, 10, 4, 1000)] == [450, 450, 50, 50]


def test_shards_are_cut_at_the_nearest_chunk() -> None:
    """A worker that gets two chunks more than another holds up the whole run."""
    assert [shard.chunks for shard in cut_into([Weight(159, 159_000_000)], 10, 2, 80_000_000)] == [8, 8]
    assert [shard.chunks for shard in cut_into([Weight(14, 14_000_000)], 10, 2, 8_000_000)] == [1, 1]


def test_records_of_unknown_size_count_a_hundred_bytes() -> None:
    """Five million of them are one task."""
    assert len(cut_into([Weight(5_000_000, 0)], 10_000, 8)) == 1
    assert len(cut_into([Weight(5_000_001, 0)], 10_000, 8)) == 2


def test_a_shard_has_at_least_one_chunk() -> None:
    """Nearly everything is in the first record."""
    weights = [Weight(1, 2 * SHARD - 29), Weight(29, 29)]
    assert [shard.chunks for shard in cut_into(weights, 10, 8)] == [1, 2]
    assert [shard.chunks for shard in cut_into(list(reversed(weights)), 10, 8)] == [2, 1]


def test_labels_say_which_chunks() -> None:
    one, two = cut_into([Weight(40, 2 * SHARD)], 10, 2)
    assert (one.label, two.label) == ("f: chunks 0-1", "f: chunks 2-3")
    assert cut_into([Weight(5, 0)], 10, 2)[0].label == "f: chunk 0"


@pytest.mark.slow
@given(
    records=st.integers(0, 3000),
    size=st.integers(1, 700),
    most=st.integers(1, 900),
    shards=st.integers(1, 9),
    carries=st.integers(1000, 10**5),
)
def test_groups_cover_every_record_once(records: int, size: int, most: int, shards: int, carries: int) -> None:
    cuts = Cuts(records, size, most)
    chunks = cuts.of(0, cuts.chunks)
    assert sum(chunk.records for chunk in chunks) == records
    assert all(0 < chunk.records <= size for chunk in chunks)
    assert [chunk.first for chunk in chunks] == [sum(one.records for one in chunks[:n]) for n in range(len(chunks))]
    assert [cuts.at(chunk.first) for chunk in chunks] == [chunk.number for chunk in chunks]
    groups = Counter({chunk.group: 0 for chunk in chunks})
    for chunk in chunks:
        groups[chunk.group] += chunk.records
    assert list(groups) == list(range(-(-records // most))), "no more groups than needed"
    assert all(0 < count <= most for count in groups.values())
    assert max(groups.values(), default=0) - min(groups.values(), default=0) < max(1, len(groups)), "nearly equal"
    parts = shards_of("f", cuts, [Weight(records, 0)], shards, carries, 0)
    assert all(shard.chunks for shard in parts)
    whole = [one for shard in parts for one in cuts.of(shard.first_chunk, shard.chunks)]
    assert whole == chunks, "shards need not end where groups do"


def test_a_group_ends_with_a_smaller_chunk() -> None:
    chunks = Cuts(22, 4, 10).of(0, 6)
    assert [(chunk.group, chunk.first, chunk.records) for chunk in chunks] == [
        (0, 0, 4),
        (0, 4, 4),
        (1, 8, 4),
        (1, 12, 4),
        (2, 16, 4),
        (2, 20, 2),
    ]
    assert [one.records for one in Cuts(21, 4, 20).of(0, 6)] == [4, 4, 3, 4, 4, 2]
