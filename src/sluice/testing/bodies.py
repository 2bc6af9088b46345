"""Bodies of files, and the memory that sending them takes."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator

import psutil

MIB = 1 << 20
PATIENCE = 600.0
"""Seconds that a test waits for a thread or a server on a machine of a tenth of the usual speed."""
MOST_MEMORY = 100 * MIB
"""What one file may add to the process, whatever its size."""


def random_bytes(size: int, seed: int = 0) -> Iterator[bytes]:
    """`size` bytes in pieces of at most a mebibyte, each different, cheap to make, the same for the same seed."""
    block = random.Random(seed).randbytes(4096) * 256
    for number, start in enumerate(range(0, size, MIB)):
        head = f"{seed}-{number}-".encode()
        yield (head + block)[: min(MIB, size - start)]


class Digest:
    """Passes pieces on and remembers the SHA-256 of them all."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._sha = pieces, hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._sha.update(piece)
            yield piece

    def __str__(self) -> str:
        return self._sha.hexdigest()


class PeakMemory:
    """The most that this process has grown by inside the block, in bytes."""

    def __enter__(self) -> PeakMemory:
        self._process, self.grown = psutil.Process(), 0
        self._before = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.grown = max(self.grown, self._process.memory_info().rss - self._before)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
