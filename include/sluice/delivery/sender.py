"""Sends chunks: encodes each one, hashes it on the way, and puts it under its final name, with retries.

A chunk that fits in memory leaves through a pool of upload threads while its lane encodes the next one; a larger one
is streamed by the lane itself.
"""

from __future__ import annotations

import hashlib
import queue
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from sluice.destinations.base import Destination
from sluice.errors import FatalError, RetriableError
from sluice.formats.base import Format
from sluice.model.part import Chunk, Part

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = 8 * 2**20
"""Bytes of a chunk that are held in memory and sent by a pool thread."""

Outcome = Part | BaseException


class Stopped(Exception):  # noqa: N818 - not an error: someone else's error ends this chunk
    """The shard has failed elsewhere or was cancelled; what is being sent is given up."""


@dataclass
class Sender:
    """Sends one shard's chunks from any number of lanes; every outcome arrives in `outcomes`."""

    feed: str
    destination: Destination
    format: Format
    schema: pa.Schema
    name_of: Callable[[int], str]
    retries: int
    retry_delay: timedelta
    threads: int
    outcomes: queue.SimpleQueue[Outcome] = field(default_factory=queue.SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="put")
        self._slots = threading.BoundedSemaphore(self.threads)

    def send(self, chunk: Chunk, tables: Callable[[], Iterator[pa.Table]]) -> None:
        """Encode a chunk and send it, or hand it to the pool. `tables` gives its rows, again for every try."""
        self._until_done(partial(self._encode_and_send, chunk, tables))

    def close(self) -> None:
        self.stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _encode(self, chunk: Chunk, tables: Iterator[pa.Table]) -> Iterator[bytes]:
        encoder = self.format.encoder(self.schema)
        records = 0
        for table in tables:
            if self.stop.is_set():
                raise Stopped
            records += table.num_rows
            yield from encoder.encode(table)
        yield from encoder.close()
        if records != chunk.records:
            raise FatalError(
                f"chunk {chunk.number} of {self.feed} holds {records} records where {chunk.records} were counted",
                next_step="the data changed while it was read; trigger a new run",
            )

    def _encode_and_send(self, chunk: Chunk, tables: Callable[[], Iterator[pa.Table]]) -> None:
        body = self._encode(chunk, tables())
        head, whole = _gather(body, WHOLE)
        if whole:
            self._hand_over(chunk, head)
        else:
            self._stream(chunk, chain(head, body))

    def _hand_over(self, chunk: Chunk, pieces: list[bytes]) -> None:
        while not self._slots.acquire(timeout=1):
            if self.stop.is_set():
                raise Stopped
        try:
            self._pool.submit(self._send_whole, chunk, pieces)
        except RuntimeError as closed:
            raise Stopped from closed

    def _send_whole(self, chunk: Chunk, pieces: list[bytes]) -> None:
        try:
            self._until_done(partial(self._stream, chunk, pieces))
        except BaseException as failed:  # the main thread raises it
            self.outcomes.put(failed)
        finally:
            self._slots.release()

    def _stream(self, chunk: Chunk, pieces: Iterable[bytes]) -> None:
        counted = Counted(pieces, self.stop)
        stored = self.destination.put(self.name_of(chunk.number), counted)
        if stored.size != counted.bytes:
            raise RetriableError(f"{stored.name} holds {stored.size} bytes where {counted.bytes} were sent")
        self.outcomes.put(
            Part(
                feed=self.feed,
                number=chunk.number,
                name=stored.name,
                records=chunk.records,
                bytes=counted.bytes,
                sha256=counted.sha256.hexdigest(),
                checksum=stored.checksum,
            )
        )

    def _until_done(self, attempt: Callable[[], None]) -> None:
        """Try, and after each pause again, until it goes through or no try is left."""
        for pause in self._pauses():
            try:
                attempt()
            except RetriableError:
                if pause is None:
                    raise
                if self.stop.wait(pause):
                    raise Stopped from None
            else:
                return

    def _pauses(self) -> Iterator[float | None]:
        """The pause after each try: doubling, with jitter; None after the last."""
        for attempt in range(self.retries):
            yield self.retry_delay.total_seconds() * 2**attempt * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        yield None


class Counted:
    """A body that counts and hashes the bytes that pass, and ends in `Stopped` when the shard does."""

    def __init__(self, pieces: Iterable[bytes], stop: threading.Event) -> None:
        self._pieces = pieces
        self._stop = stop
        self.bytes = 0
        self.sha256 = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if self._stop.is_set():
                raise Stopped
            self.bytes += len(piece)
            self.sha256.update(piece)
            yield piece


def _gather(pieces: Iterator[bytes], limit: int) -> tuple[list[bytes], bool]:
    """Pieces up to `limit` bytes, and whether that was all of them."""
    head, size = [], 0
    for piece in pieces:
        head.append(piece)
        size += len(piece)
        if size >= limit:
            return head, False
    return head, True
