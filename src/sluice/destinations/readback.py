"""`verify: read-back`: every file is read again after it has arrived, for destinations without checksums."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Literal

from sluice.destinations.base import Destination, DestinationConfig, Stored
from sluice.destinations.failures import Origin
from sluice.errors import SluiceError


class ReadBackConfig(DestinationConfig):
    """The keys of destinations that keep no checksums."""

    verify: Literal["read-back"] | None = None
    """`read-back` reads each file again after it has arrived and compares its bytes. Default: only sizes are
    compared."""

    def checked(self, destination: Destination, origin: Origin) -> Destination:
        """The opened destination, with verification if declared."""
        return ReadBack(destination, origin) if self.verify else destination


class ReadBack:
    """A destination whose files are read again after writing. A file that differs from what was sent is removed."""

    def __init__(self, destination: Destination, origin: Origin) -> None:
        self._at = destination
        self._origin = origin
        self.stat, self.list, self.read = destination.stat, destination.list, destination.read
        self.remove, self.abort = destination.remove, destination.abort
        self.locate, self.close = destination.locate, destination.close

    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        sent, arrived = hashlib.sha256(), hashlib.sha256()
        stored = self._at.put(name, _hashed(body, sent))
        for piece in self._at.read(name):
            arrived.update(piece)
        if arrived.digest() != sent.digest():
            with suppress(SluiceError):
                self._at.remove([name])
            raise self._origin.retriable(
                f"cannot write {self._at.locate(name)}: the data read back differs from what was sent",
                f"check the disk and the memory of {self._origin.container}",
            )
        return stored


def _hashed(body: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for piece in body:
        digest.update(piece)
        yield piece
