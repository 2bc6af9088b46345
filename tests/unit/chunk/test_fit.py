"""Pieces fit, cover their chunk, and depend only on the rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chunk.cut import pieces_of
from sluice.chunk.fit import ROWS, SPOTS, halved, records_within, sample_of
from sluice.model.part import Chunk


@pytest.mark.slow
@given(st.lists(st.integers(1, 50), min_size=2, max_size=300), st.integers(1, 400))
def test_no_piece_is_larger_than_the_limit_but_one_of_a_single_record(sizes: list[int], limit: int) -> None:
    tried: list[tuple[int, int]] = []

    def fits(first: int, records: int) -> bool:
        tried.append((first, records))
        return sum(sizes[first : first + records]) <= limit

    pieces = pieces_of(Chunk(number=3, first=1000, records=len(sizes)), halved(len(sizes), fits))
    position = 1000
    for number, piece in enumerate(pieces):
        assert (piece.number, piece.piece, piece.first) == (3, number, position)
        assert piece.records == 1 or sum(sizes[position - 1000 : position - 1000 + piece.records]) <= limit
        position += piece.records
    assert position == 1000 + len(sizes)
    assert len(tried) <= 2 * len(pieces)


@pytest.mark.slow
@given(st.integers(0, 10**9))
def test_a_sample_is_of_records_that_are_there_and_of_so_many(records: int) -> None:
    stretches = sample_of(records)
    assert all(0 <= first <= last <= records for first, last in stretches)
    assert stretches[0][0] == 0
    assert stretches[-1][1] == records
    assert sum(last - first for first, last in stretches) == min(records, SPOTS * ROWS)


def test_a_sample_leaves_room() -> None:
    assert records_within(1_000_000, sampled=1000, size=100_000) == 9_000
    assert records_within(10, sampled=1000, size=100_000) == 1
