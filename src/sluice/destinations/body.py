"""The body of an upload: counts its bytes, and keeps a failure of its source apart from one of the server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Body:
    """Iterates a source of bytes once. `size` is the number of bytes so far; `failure` is what the source raised."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self.size = 0
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
        except StopIteration:
            raise
        except BaseException as failure:
            self.failure = failure
            raise
        self.size += len(piece)
        return piece

    def take(self, size: int) -> bytes | None:
        """The whole body if it ends before `size` bytes; otherwise None, and iteration starts at the first byte."""
        head: list[bytes] = []
        taken = 0
        while taken < size:
            piece = next(self, None)
            if piece is None:
                return b"".join(head)
            head.append(piece)
            taken += len(piece)
        self._pieces = _chain(head, self._pieces)
        self.size = 0
        return None

    def blocks(self, size: int) -> Iterator[bytes]:
        """The same bytes in fewer pieces, each of at least `size` bytes except the last."""
        pieces: list[bytes] = []
        length = 0
        for piece in self:
            pieces.append(piece)
            length += len(piece)
            if length >= size:
                yield pieces[0] if len(pieces) == 1 else b"".join(pieces)
                pieces, length = [], 0
        if length:
            yield b"".join(pieces)

    def cut(self, size: int) -> Iterator[bytes]:
        """The same bytes in pieces of exactly `size` bytes except the last: some stores accept no others."""
        pieces: list[memoryview] = []
        length = 0
        for piece in self:
            rest = memoryview(piece)
            while length + len(rest) >= size:
                yield b"".join([*pieces, rest[: size - length]])
                rest = rest[size - length :]
                pieces, length = [], 0
            if rest:
                pieces.append(rest)
                length += len(rest)
        if length:
            yield b"".join(pieces)


def _chain(head: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces already taken, each freed after it is yielded, then the rest."""
    while head:
        yield head.pop(0)
    yield from rest
