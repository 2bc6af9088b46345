"""An in-memory file object: it keeps what a writer wrote until the caller takes it."""

from __future__ import annotations

from typing import IO, cast


class Pieces:
    """Keeps the written pieces as they are, which saves the copies that `io.BytesIO` makes."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    @property
    def file(self) -> IO[bytes]:
        """This object, typed as a binary file. Writers only call `write` and `flush`."""
        return cast("IO[bytes]", self)

    def write(self, data: bytes) -> int:
        """Keep `data`, and return its length."""
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Does nothing: there is no buffer."""

    def ends(self) -> None:
        """Announce that the next writes are the end of the file."""

    def taken(self) -> list[bytes]:
        """Take the pieces written since the last call."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def take(self) -> bytes:
        """Take the bytes written since the last call, as one piece."""
        return b"".join(self.taken())
