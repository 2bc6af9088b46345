"""A file on its way from a server: more is asked for before the last answer is there."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from sluice.ssh import verbs
from sluice.ssh.session import Session

if TYPE_CHECKING:
    import asyncssh

PIECE = 4 << 20
"""Bytes that are asked for at once, in many requests: each piece has the session's timeout for itself."""
AHEAD = 2
"""Pieces of one file that are under way at once: beside what is read, its share of memory is twice `PIECE`."""


def read(session: Session, file: asyncssh.SFTPClientFile, offset: int, size: int, act: str) -> bytes:
    """Up to `size` bytes from `offset` on; fewer only if the file ends before. Raises what `Session.run` raises."""
    pieces: list[bytes] = []
    under_way: deque[tuple[Future[bytes], int]] = deque()
    end = offset + size
    while offset < end or under_way:
        while offset < end and len(under_way) < AHEAD:
            asked = min(PIECE, end - offset)
            under_way.append((session.begin(verbs.read(file, offset, asked)), asked))
            offset += asked
        answer, asked = under_way.popleft()
        pieces.append(session.finish(answer, act))
        if len(pieces[-1]) < asked:
            break
    return b"".join(pieces)
