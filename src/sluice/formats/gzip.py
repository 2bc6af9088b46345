"""Gzip by igzip (`isal`): one member, no time in its header, the same bytes however the text arrives."""

from __future__ import annotations

from collections.abc import Iterator

BLOCK = 1 << 20
"""igzip looks for matches within what it is given at once, so it is always given this much."""
_WITH_GZIP_HEADER = 31


def gzipped(data: bytes | memoryview, level: int) -> bytes:
    """One gzip member that holds `data`."""
    from isal import isal_zlib

    stream = isal_zlib.compressobj(level, isal_zlib.DEFLATED, _WITH_GZIP_HEADER)
    return stream.compress(data) + stream.flush()


class Gzip:
    """Compresses one stream; holds at most one block."""

    def __init__(self, level: int) -> None:
        from isal import isal_zlib

        self._stream = isal_zlib.compressobj(level, isal_zlib.DEFLATED, _WITH_GZIP_HEADER)
        self._rest = b""

    def write(self, data: bytes) -> Iterator[bytes]:
        """The compressed bytes that are ready."""
        start = BLOCK - len(self._rest)
        if len(data) < start:
            self._rest += data
            return
        view = memoryview(data)
        yield self._stream.compress(self._rest + view[:start])
        while len(data) - start >= BLOCK:
            yield self._stream.compress(view[start : start + BLOCK])
            start += BLOCK
        self._rest = data[start:]

    def finish(self) -> Iterator[bytes]:
        """The rest, and gzip's trailer."""
        yield self._stream.compress(self._rest) + self._stream.flush()


class Plain:
    """No compression."""

    def write(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> Iterator[bytes]:
        yield from ()
