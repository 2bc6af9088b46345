"""Gzip compression by igzip (`isal`). Deterministic: one member, no timestamp, and the same bytes no matter how the
data is split into writes."""

from __future__ import annotations

from collections.abc import Iterator

BLOCK = 1 << 20
"""Bytes per call. igzip finds matches only within the data of one call, so the size of calls decides its output."""
_WITH_GZIP_HEADER = 31
"""zlib's `wbits`: a window of 2^15 bytes, plus 16 for a gzip header."""


def gzipped(data: bytes | memoryview, level: int) -> bytes:
    """One gzip member that holds `data`."""
    from isal import isal_zlib

    return isal_zlib.compress(data, level, _WITH_GZIP_HEADER)


class Gzip:
    """Compresses one stream. Holds less than one block in memory."""

    def __init__(self, level: int) -> None:
        from isal import isal_zlib

        self._stream = isal_zlib.compressobj(level, isal_zlib.DEFLATED, _WITH_GZIP_HEADER)
        self._rest = b""

    def write(self, data: bytes) -> Iterator[bytes]:
        """Add data and yield the compressed bytes that are ready."""
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
        """The remaining bytes and gzip's trailer."""
        yield self._stream.compress(self._rest) + self._stream.flush()


class Plain:
    """The interface of `Gzip` without compression."""

    def write(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> Iterator[bytes]:
        yield from ()
