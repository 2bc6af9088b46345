"""A body counts what passes, gives small files whole, and knows its own failure from a server's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.destinations.body import Body


def test_take_gives_a_small_body_whole() -> None:
    body = Body([b"ab", b"", b"c"])
    assert body.take(4) == b"abc"
    assert body.size == 3


def test_take_leaves_a_longer_body_at_its_first_byte() -> None:
    body = Body([b"ab", b"cd", b"ef"])
    assert body.take(4) is None
    assert body.size == 0
    assert b"".join(body) == b"abcdef"
    assert body.size == 6


@pytest.mark.slow
@given(st.lists(st.binary(max_size=5)), st.integers(min_value=1, max_value=12))
def test_blocks_are_the_same_bytes_in_pieces_of_a_size(pieces: list[bytes], size: int) -> None:
    blocks = list(Body(pieces).blocks(size))
    assert b"".join(blocks) == b"".join(pieces)
    assert all(len(block) >= size for block in blocks[:-1])
    assert all(blocks)


@pytest.mark.slow
@given(st.lists(st.binary(max_size=5)), st.integers(min_value=1, max_value=12))
def test_nothing_is_lost_whatever_take_decides(pieces: list[bytes], size: int) -> None:
    body = Body(pieces)
    whole = body.take(size)
    assert (whole if whole is not None else b"".join(body)) == b"".join(pieces)
    assert body.size == sum(map(len, pieces))


def test_the_sources_failure_is_kept() -> None:
    failure = OSError("the source")

    def source() -> Iterator[bytes]:
        yield b"a"
        raise failure

    body = Body(source())
    with pytest.raises(OSError, match="the source"):
        list(body)
    assert body.failure is failure


def test_the_end_of_a_source_is_no_failure() -> None:
    body = Body([b"a"])
    list(body)
    assert body.failure is None
