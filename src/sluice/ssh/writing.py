"""A file on its way to a server: blocks follow each other without waiting for answers."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from sluice.ssh.session import Session

if TYPE_CHECKING:
    import asyncssh

BLOCK = 1 << 20
"""Bytes that are handed over at once."""
AHEAD = 4
"""Blocks of one file that are under way at once: its share of memory is four times `BLOCK`."""


class Outgoing:
    """An open file of a session's. `act` and `way_out` are for its errors: what is being done, and what to do if the
    server refuses. Not for threads."""

    def __init__(self, session: Session, file: asyncssh.SFTPClientFile, act: str, way_out: str = "") -> None:
        self._session, self._file, self._act, self._way_out = session, file, act, way_out
        self._under_way: deque[Future[int]] = deque()
        self.size = 0
        """Bytes that were handed over."""

    def write(self, block: bytes) -> None:
        """Hand over a block of about `BLOCK` bytes. Raises what an earlier one has met."""
        if len(self._under_way) == AHEAD:
            self._finish(self._under_way.popleft())
        self._under_way.append(self._session.begin(self._file.write(block, self.size)))
        self.size += len(block)

    def close(self) -> None:
        """Wait for every answer, then close: only then is it there. Servers with a quota may refuse here."""
        while self._under_way:
            self._finish(self._under_way.popleft())
        self._session.finish(self._session.begin(self._file.close()), self._act, self._way_out)

    def drop(self) -> None:
        """Close it, whatever is under way and whatever is answered."""
        self._session.begin(self._file.close())

    def _finish(self, answer: Future[int]) -> None:
        self._session.finish(answer, self._act, self._way_out)
