"""Workers share a shard's chunks: each chunk is dealt out once, in consecutive runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chunk.cut import Cuts
from sluice.delivery.upload.sender import Tables
from sluice.delivery.upload.workers import Runs, Worker, ahead
from sluice.errors import RetriableError
from sluice.model.part import Chunk


@pytest.mark.slow
@given(st.integers(0, 40), st.integers(1, 5), st.lists(st.integers(0, 4), max_size=200))
def test_every_chunk_is_dealt_out_once_whichever_worker_is_faster(count: int, workers: int, order: list[int]) -> None:
    chunks = Cuts(count * 10, 10).of(0, count)
    runs = Runs(chunks, workers)
    dealt = [runs.next(worker % workers) for worker in [*order, *range(workers)]]
    rest = iter(lambda: runs.next(0), None)
    assert sorted(chunk.number for chunk in [*dealt, *rest] if chunk) == list(range(count))


def test_a_worker_that_has_finished_takes_the_later_half_of_the_longest_run_left() -> None:
    runs = Runs(Cuts(80, 10).of(0, 8), 2)
    first = [runs.next(0) for _ in range(4)]
    assert [chunk.number for chunk in first if chunk] == [0, 1, 2, 3]
    taken = [runs.next(0) for _ in range(2)]
    assert [chunk.number for chunk in taken if chunk] == [6, 7]
    own = [runs.next(1) for _ in range(2)]
    assert [chunk.number for chunk in own if chunk] == [4, 5]
    assert runs.next(0) is None
    assert runs.next(1) is None


def test_a_chunk_that_waits_alone_is_taken_too() -> None:
    runs = Runs(Cuts(30, 10).of(0, 3), 2)
    assert [chunk.number for chunk in (runs.next(0), runs.next(1), runs.next(0)) if chunk] == [0, 1, 2]


def test_reading_ahead_gives_the_same_tables_and_the_same_error() -> None:
    started: list[int] = []

    def read(first: int, last: int) -> Iterator[pa.Table]:
        for n in range(first, last):
            started.append(n)
            if n == 7:
                raise RetriableError("the store is away")
            yield pa.table({"n": [n]})

    with ThreadPoolExecutor(1) as readers:
        assert [table["n"][0].as_py() for table in ahead(read, readers)(2, 6)] == [2, 3, 4, 5]
        with pytest.raises(RetriableError, match="away"):
            list(ahead(read, readers)(6, 9))
        started.clear()
        next(ahead(read, readers)(0, 6))
    assert started == [0, 1], "it reads one table ahead, no further"


def test_a_reading_that_is_given_up_waits_for_no_thread() -> None:
    """The garbage collector may close it while it holds the lock that every ending thread needs: the task hung
    there."""
    given_up, in_time = threading.Event(), []

    def read(first: int, last: int) -> Iterator[pa.Table]:
        yield pa.table({"n": [first]})
        in_time.append(given_up.wait(100))

    with ThreadPoolExecutor(1) as readers:
        tables = ahead(read, readers)(0, 2)
        next(tables)
        del tables
        given_up.set()
    assert in_time == [True]


class Sink:
    """A sender that reads only the first table of some chunks."""

    def __init__(self, given_up: set[int]) -> None:
        self.given_up = given_up
        self.read: list[list[int]] = []

    def send(self, chunk: Chunk, tables: Tables) -> None:
        taken = tables(chunk)
        found = [next(taken)] if chunk.number in self.given_up else list(taken)
        self.read.append([value for table in found for value in table["n"].to_pylist()])


def test_a_chunk_after_one_that_was_given_up_begins_at_its_own_first_row() -> None:
    def read(first: int, last: int) -> Iterator[pa.Table]:
        return (pa.table({"n": range(start, min(start + 4, last))}) for start in range(first, last, 4))

    sink = Sink(given_up={1})
    chunks = Cuts(30, 10).of(0, 3)
    Worker(read, Runs(chunks, 1), 0, sink).run()  # type: ignore[arg-type] # a worker asks its sender to send
    assert [sink.read[0], sink.read[2]] == [list(range(10)), list(range(20, 30))]
    assert sink.read[1] == [10, 11], "what was left of the table that chunk 0 ended in"
