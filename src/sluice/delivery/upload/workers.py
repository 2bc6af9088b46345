"""Workers: threads that read and encode runs of chunks, one more than there are cores if memory allows. The main thread
records what has arrived."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from sluice.delivery.rows.rows import Cutter, FeedRows
from sluice.delivery.upload.sender import WHOLE, Cut, Sender
from sluice.log_fields import with_fields
from sluice.memory import budget, cores
from sluice.model.part import Chunk, Part

if TYPE_CHECKING:
    import pyarrow as pa

Read = Callable[[int, int], Iterator["pa.Table"]]
"""Delivered rows from one ordinal to another (exclusive)."""


def send_chunks(rows: FeedRows, chunks: Sequence[Chunk], sender: Sender) -> Generator[Part | None]:
    """Send every chunk. Yields each part as it arrives, and None for every second without an arrival. Close it: only
    then have all workers stopped.

    Raises the first error of any worker, after all workers have stopped and nothing is being sent any more.
    """
    workers = max(1, min(cores() + 1, sender.rules.threads, len(chunks), _affordable(rows, chunks, sender)))
    runs = Runs(chunks, workers)
    with (
        ThreadPoolExecutor(workers, thread_name_prefix="ahead") as readers,
        ThreadPoolExecutor(workers, thread_name_prefix="worker") as pool,
    ):
        read = ahead(rows.read, readers) if workers < cores() else rows.read
        try:
            for number in range(workers):
                worker = Worker(read, runs, number, sender)
                pool.submit(with_fields(worker.run)).add_done_callback(partial(_report, sender))
            yield from _arrivals(len(chunks), sender)
        finally:
            sender.close()


def _affordable(rows: FeedRows, chunks: Sequence[Chunk], sender: Sender) -> int:
    """How many workers fit into the memory for rows. Each needs memory to read, for its encoder, and for the head of a
    file."""
    if not chunks:
        return 1
    read, width = rows.taking(chunks[0].first, chunks[-1].first + chunks[-1].records)
    held = sender.encoding.holds(max(chunk.records for chunk in chunks), width)
    return budget().rows.size // (read + held + WHOLE)


class Runs:
    """Deals chunks out to workers in consecutive runs, because a worker that starts in the middle of a table that
    another one has read must read it again."""

    def __init__(self, chunks: Sequence[Chunk], workers: int) -> None:
        self.end = max((chunk.first + chunk.records for chunk in chunks), default=0)
        bounds = [len(chunks) * i // workers for i in range(workers + 1)]
        self._runs = [deque(chunks[first:last]) for first, last in pairwise(bounds)]
        self._lock = threading.Lock()

    def next(self, worker: int) -> Chunk | None:
        """The worker's next chunk. A worker without chunks takes over the later half of the longest remaining run."""
        with self._lock:
            run = self._runs[worker]
            if not run:
                longest = max(self._runs, key=len)
                taken = [longest.pop() for _ in range(len(longest) - len(longest) // 2)]
                run.extend(reversed(taken))
            return run.popleft() if run else None


class Worker:
    """Reads, encodes and sends its chunks, most of which are consecutive."""

    def __init__(self, read: Read, runs: Runs, number: int, sender: Sender) -> None:
        self._read = read
        self._runs = runs
        self._number = number
        self._sender = sender
        self._cutter = Cutter(iter(()))
        self._position = -1

    def run(self) -> None:
        while (chunk := self._runs.next(self._number)) is not None:
            self._sender.send(chunk, self._tables)

    def _tables(self, chunk: Chunk) -> Iterator[pa.Table]:
        """The chunk's rows. Continues after the last chunk; reads from the chunk's first row after a gap, for a retry,
        and after a chunk that was not read to its end."""
        if self._position != chunk.first:
            self._cutter.close()
            self._cutter = Cutter(self._read(chunk.first, self._runs.end))
        self._position = -1
        yield from self._cutter.take(chunk.records)
        self._position = chunk.first + chunk.records


def ahead(read: Read, readers: Executor) -> Read:
    """Read one table ahead in a thread of `readers`. With fewer workers than cores, the other cores read.

    A generator that is abandoned does not wait for its thread: the garbage collector may close it while it holds the
    lock that waiting for a thread needs.
    """

    def reading(first: int, last: int) -> Iterator[pa.Table]:
        tables = read(first, last)
        waiting = readers.submit(next, tables, None)
        while (table := waiting.result()) is not None:
            waiting = readers.submit(next, tables, None)
            yield table

    return reading


def _report(sender: Sender, worker: Future[None]) -> None:
    if failed := worker.exception():
        sender.outcomes.put(failed)


def _arrivals(chunks: int, sender: Sender) -> Iterator[Part | None]:
    missing = chunks
    while missing:
        try:
            outcome = sender.outcomes.get(timeout=1)
        except queue.Empty:
            yield None
            continue
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, Cut):
            missing += outcome.pieces - 1
        else:
            missing -= 1
            yield outcome
