"""Chunks are exact and cover the feed once; shards are runs of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chunk.cut import SHARD_RECORDS, chunks_of, shards_of
from sluice.model.part import Chunk


@pytest.mark.slow
@given(records=st.integers(0, 10**8), size=st.integers(1, 10**6), most=st.integers(1, 64), number=st.integers(0, 9))
def test_shards_cover_every_record_once(records: int, size: int, most: int, number: int) -> None:
    shards = shards_of("f", records, size, most, number)
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
    chunks = chunks_of(records, size, 0, -(-records // size))
    assert [chunk.records for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)
    assert 0 < chunks[-1].records <= size
    assert [chunk.first for chunk in chunks] == [size * n for n in range(len(chunks))]
    assert sum(chunk.records for chunk in chunks) == records


def test_a_shards_chunks_are_those_of_the_whole() -> None:
    assert chunks_of(25, 10, 1, 2) == [Chunk(number=1, first=10, records=10), Chunk(number=2, first=20, records=5)]


def test_a_small_feed_is_one_task_and_an_empty_one_none() -> None:
    assert len(shards_of("f", SHARD_RECORDS, 10_000, 8, 0)) == 1
    assert len(shards_of("f", SHARD_RECORDS + 1, 10_000, 8, 0)) == 2
    assert shards_of("f", 0, 10, 4, 0) == []


def test_labels_say_which_chunks() -> None:
    one, two = shards_of("vip", 2 * SHARD_RECORDS, SHARD_RECORDS // 2, 2, 0)
    assert (one.label, two.label) == ("vip: chunks 0-1", "vip: chunks 2-3")
    assert shards_of("vip", 5, 10, 2, 0)[0].label == "vip: chunk 0"
