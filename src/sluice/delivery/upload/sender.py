"""Send chunks: encode and hash each one, and write it under its final name, with retries.

A pool of upload threads sends a chunk that fits in memory while its worker encodes the next one. The worker itself
streams a larger chunk.
"""

from __future__ import annotations

import hashlib
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from sluice.chunk.cut import pieces_of
from sluice.chunk.fit import halved
from sluice.definition.models.chunks import ChunkRules
from sluice.delivery.upload.encode import Encoding, Stopped, TooLarge
from sluice.delivery.upload.measured import Measured
from sluice.destinations.base import Destination
from sluice.destinations.retries import REPEATED
from sluice.errors import RetriableError
from sluice.log_fields import log_fields, with_fields
from sluice.memory import budget
from sluice.model.part import Chunk, Part

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)
WHOLE = 8 * 2**20
"""The most bytes of a chunk that is held in memory and sent by a pool thread."""

Tables = Callable[[Chunk], "Iterator[pa.Table]"]
"""The rows of a chunk, or of a piece of one; called again for every attempt."""


@dataclass(frozen=True)
class Cut:
    """A chunk did not fit into one part, and is sent in so many pieces."""

    pieces: int


Outcome = Part | Cut | BaseException


@dataclass
class Sender:
    """Sends one shard's chunks from any number of workers; every outcome arrives in `outcomes`."""

    encoding: Encoding
    destination: Destination
    name_of: Callable[[Chunk], str]
    """The name of the part that a chunk, or a piece of one, becomes."""
    keep: Callable[[Sequence[Chunk]], None]
    """Stages how a chunk was cut, before any piece of it is sent."""
    rules: ChunkRules
    measured: Measured = field(default_factory=Measured)
    outcomes: queue.SimpleQueue[Outcome] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self.stop = self.encoding.stop
        self._pool = ThreadPoolExecutor(self.rules.threads, thread_name_prefix="put")
        self._slots = threading.BoundedSemaphore(self.rules.threads)
        self._memory = budget().sending

    def send(self, chunk: Chunk, tables: Tables) -> None:
        """Encode a chunk and send it, or pass it to the pool; in pieces if it does not fit into one part."""
        with log_fields(feed=self.encoding.feed, chunk=chunk.number):
            self._send(chunk, tables)

    def close(self) -> None:
        self.stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _send(self, chunk: Chunk, tables: Tables) -> None:
        try:
            self._until_done(partial(self._encode_and_send, chunk, tables))
        except TooLarge:
            pass  # leave the `except` block, so that its traceback releases the rows before they are read again
        else:
            return
        pieces = self._cut(chunk, tables)
        self.keep(pieces)
        self.outcomes.put(Cut(len(pieces)))
        for piece in pieces:
            self._until_done(partial(self._encode_and_send, piece, tables))

    def _cut(self, chunk: Chunk, tables: Tables) -> list[Chunk]:
        def fits(first: int, records: int) -> bool:
            piece = Chunk(number=chunk.number, first=chunk.first + first, records=records)
            return self.encoding.fits(piece, tables(piece))

        return pieces_of(chunk, halved(chunk.records, fits))

    def _encode_and_send(self, chunk: Chunk, tables: Tables, tries: int) -> None:
        body = self.encoding.part(chunk, tables(chunk))
        head, whole = _gather(body, WHOLE)
        if whole:
            self._hand_over(chunk, head)
        else:
            self._stream(chunk, chain(head, body), tries)

    def _hand_over(self, chunk: Chunk, pieces: list[bytes]) -> None:
        while not self._slots.acquire(timeout=1):
            if self.stop.is_set():
                raise Stopped
        size = sum(map(len, pieces))
        if not self._memory.take(size, self.stop.is_set):
            raise Stopped
        try:
            self._pool.submit(with_fields(self._send_whole), chunk, pieces, size)
        except RuntimeError as closed:
            raise Stopped from closed

    def _send_whole(self, chunk: Chunk, pieces: list[bytes], size: int) -> None:
        try:
            self._until_done(partial(self._stream, chunk, pieces))
        except BaseException as failed:  # the main thread raises it
            self.outcomes.put(failed)
        finally:
            self._memory.give(size)
            self._slots.release()

    def _stream(self, chunk: Chunk, pieces: Iterable[bytes], tries: int) -> None:
        began, counted = time.monotonic(), Counted(pieces, self.stop)
        stored = self.destination.put(self.name_of(chunk), counted)
        if stored.size != counted.bytes:
            raise RetriableError(f"{stored.name} has {stored.size} bytes, but {counted.bytes} were sent")
        self.measured.seconds.append(time.monotonic() - began)
        self.outcomes.put(
            Part(
                feed=self.encoding.feed,
                number=chunk.number,
                piece=chunk.piece,
                group=chunk.group,
                name=stored.name,
                records=chunk.records,
                bytes=counted.bytes,
                sha256=counted.sha256.hexdigest(),
                checksum=stored.checksum,
                tries=tries,
                sent_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        )

    def _until_done(self, attempt: Callable[[int], None]) -> None:
        """Call `attempt` with the number of the try, until it succeeds. Raises the last `RetriableError`, or
        `Stopped`."""
        for tries, pause in enumerate(self._pauses(), 1):
            try:
                attempt(tries)
            except RetriableError as failed:
                if pause is None:
                    raise
                why = failed.what
            else:
                return
            REPEATED.add()
            log.info("the chunk is sent again in %.1f s: %s", pause, why)
            if self.stop.wait(pause):  # outside the `except` block, so that the failed attempt has released its memory
                raise Stopped

    def _pauses(self) -> Iterator[float | None]:
        """The pause in seconds after each attempt: exponential with jitter, or fixed; None after the last attempt."""
        pause = self.rules.retry_delay.total_seconds()
        for attempt in range(self.rules.retries):
            yield pause * 2**attempt * random.uniform(0.75, 1.25) if self.rules.doubling else pause  # noqa: S311
        yield None


class Counted:
    """A body that counts and hashes its bytes, and raises `Stopped` if the shard stops."""

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
    """The first pieces, up to about `limit` bytes, and whether these were all."""
    head, size = [], 0
    for piece in pieces:
        head.append(piece)
        size += len(piece)
        if size >= limit:
            return head, False
    return head, True
