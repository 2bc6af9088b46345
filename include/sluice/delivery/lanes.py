"""Lanes: one thread a core, each reading and encoding its own run of chunks, while the main thread keeps the books."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from sluice.delivery.rows import Cutter, FeedRows
from sluice.delivery.sender import Sender
from sluice.model.part import Chunk, Part

if TYPE_CHECKING:
    import pyarrow as pa


def cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def send_chunks(rows: FeedRows, chunks: Sequence[Chunk], sender: Sender) -> Iterator[Part | None]:
    """Send every chunk; gives each part as it arrives, and None for every second in which none does.

    Raises the first error of any lane, once all of them have stopped: by then nothing is being sent any more.
    """
    lanes = max(1, min(cores(), sender.threads, len(chunks)))
    bounds = [len(chunks) * i // lanes for i in range(lanes + 1)]
    with ThreadPoolExecutor(lanes, thread_name_prefix="lane") as pool:
        try:
            for first, last in pairwise(bounds):
                lane = Lane(rows, chunks[first:last], sender)
                pool.submit(lane.run).add_done_callback(partial(_report, sender))
            yield from _arrivals(len(chunks), sender)
        finally:
            sender.close()


class Lane:
    """Reads, encodes and sends a run of chunks, most of which follow one another."""

    def __init__(self, rows: FeedRows, chunks: Sequence[Chunk], sender: Sender) -> None:
        self._rows = rows
        self._chunks = chunks
        self._sender = sender
        self._cutter = Cutter(iter(()))
        self._position = -1

    def run(self) -> None:
        for chunk in self._chunks:
            self._sender.send(chunk, partial(self._tables, chunk))

    def _tables(self, chunk: Chunk) -> Iterator[pa.Table]:
        """The chunk's rows: what follows the last chunk, or read anew after a gap and for another try."""
        if self._position != chunk.first:
            end = self._chunks[-1].first + self._chunks[-1].records
            self._cutter = Cutter(self._rows.read(chunk.first, end))
        self._position = chunk.first + chunk.records
        return self._cutter.take(chunk.records)


def _report(sender: Sender, lane: Future[None]) -> None:
    if failed := lane.exception():
        sender.outcomes.put(failed)


def _arrivals(chunks: int, sender: Sender) -> Iterator[Part | None]:
    missing = chunks
    while missing:
        try:
            outcome = sender.outcomes.get(timeout=1)
        except queue.Empty:
            yield None
            continue
        if not isinstance(outcome, Part):
            raise outcome
        missing -= 1
        yield outcome
