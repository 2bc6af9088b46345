"""Downloads from a server: further requests are sent before earlier ones are answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from sluice.errors import SluiceError
from sluice.ssh import verbs
from sluice.ssh.session import Session

if TYPE_CHECKING:
    import asyncssh

PIECE = 4 << 20
"""The bytes of one piece, which takes many requests. The session's timeout applies to each piece."""
AHEAD = 2
"""Pieces of one file that are requested in advance: they take twice `PIECE` of memory, in addition to the piece
read."""


def pieces(session: Session, file: asyncssh.SFTPClientFile, size: int | None, act: str) -> Iterator[bytes]:
    """The whole file. Raises `RetriableError` if fewer than `size` bytes arrive; without a size, the file ends at the
    first empty answer."""
    offset = 0
    while size is None or offset < size:
        piece = read(session, file, offset, PIECE if size is None else min(PIECE, size - offset), act)
        if not piece:
            break
        yield piece
        offset += len(piece)
    if size is not None and offset < size:
        raise short(session, act, offset, size)


def short(session: Session, act: str, came: int, size: int) -> SluiceError:
    """The error if a server does not send the end of a file."""
    return session.origin.retriable(f"cannot {act}: {came} of {size} bytes arrived")


def read(session: Session, file: asyncssh.SFTPClientFile, offset: int, size: int, act: str) -> bytes:
    """Up to `size` bytes from `offset` on; fewer only if the file ends there. Raises what `Session.run` raises."""
    found: list[bytes] = []
    under_way: deque[tuple[Future[bytes], int]] = deque()
    end = offset + size
    while offset < end or under_way:
        while offset < end and len(under_way) < AHEAD:
            asked = min(PIECE, end - offset)
            under_way.append((session.begin(verbs.read(file, offset, asked)), asked))
            offset += asked
        answer, asked = under_way.popleft()
        found.append(session.finish(answer, act))
        if len(found[-1]) < asked:
            break
    return b"".join(found)
