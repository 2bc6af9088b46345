"""A file for writers that write into one: what they have written, in memory, until it is taken."""

from __future__ import annotations

from typing import IO, cast


class Pieces:
    """Keeps the writer's own pieces, which saves the copies that `io.BytesIO` makes."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    @property
    def file(self) -> IO[bytes]:
        """Itself, as the type that writers ask for; they call `write` and `flush` alone."""
        return cast("IO[bytes]", self)

    def write(self, data: bytes) -> int:
        """Keep `data`; its length."""
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def ends(self) -> None:
        """What follows is the end of the file."""

    def taken(self) -> list[bytes]:
        """All that was written since the last time, in pieces."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def take(self) -> bytes:
        """The same as one."""
        return b"".join(self.taken())
