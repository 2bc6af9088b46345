"""Uploads to a server: blocks are sent without waiting for the answers to earlier ones."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from sluice.ssh.session import Session

if TYPE_CHECKING:
    import asyncssh

BLOCK = 1 << 20
"""The size of one block, in bytes."""
AHEAD = 4
"""Blocks of one file that are in progress at the same time: they take four times `BLOCK` of memory."""


class Outgoing:
    """An open file of a session. `act` and `way_out` are for its errors: what is being done, and what to do if the
    server refuses. Not thread-safe."""

    def __init__(self, session: Session, file: asyncssh.SFTPClientFile, act: str, way_out: str = "") -> None:
        self._session, self._file, self._act, self._way_out = session, file, act, way_out
        self._under_way: deque[Future[int]] = deque()
        self.size = 0
        """Bytes written so far."""

    def write(self, block: bytes) -> None:
        """Send a block of about `BLOCK` bytes. Raises the failure of an earlier block."""
        if len(self._under_way) == AHEAD:
            self._finish(self._under_way.popleft())
        self._under_way.append(self._session.begin(self._file.write(block, self.size)))
        self.size += len(block)

    def close(self) -> None:
        """Wait for every answer, then close the file: only then is it complete. Servers with a quota may refuse
        here."""
        while self._under_way:
            self._finish(self._under_way.popleft())
        self._session.finish(self._session.begin(self._file.close()), self._act, self._way_out)

    def drop(self) -> None:
        """Close the file without waiting for requests in progress or their answers."""
        self._session.begin(self._file.close())

    def _finish(self, answer: Future[int]) -> None:
        self._session.finish(answer, self._act, self._way_out)
