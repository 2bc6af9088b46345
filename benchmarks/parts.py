"""What one core takes for each step alone: decode, prove, encode, compress, hash. Run in a process of its own."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from benchmarks.data import folder_of
from benchmarks.place import HOME
from sluice.formats import FORMATS
from sluice.formats.base import Format
from sluice.formats.gzip import Gzip
from sluice.model.access import FolderAccess
from sluice.sources.parquet import Parquet

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 491_520


class Steps(BaseModel):
    """Microseconds of one core a row."""

    decode: float
    """The source's read, the proof that text is UTF-8 included."""
    encode: float
    """The format without compression, the mapping to its types included."""
    compress: float
    hash: float
    """SHA-256 of what is sent."""
    megabytes: float
    """Of a million rows, before compression."""

    @property
    def together(self) -> float:
        return self.decode + self.encode + self.compress + self.hash


def measured() -> dict[str, Steps]:
    """The steps of each format."""
    return {
        "ndjson": _text("json", flat=False),
        "csv": _text("csv", flat=True),
        "parquet": _parquet(),
    }


class _Lake:
    def get(self, _: str) -> FolderAccess:
        return FolderAccess(HOME)


def _tables(*, flat: bool) -> tuple[list[pa.Table], float]:
    """Row groups as the source reads them, and what reading took a row."""
    path = folder_of(ROWS, HOME, flat=flat).name
    source = Parquet(type="parquet", airflow_conn_id="lake", path=path).open(_Lake(), dataset="profiles")
    pinned = source.pin()

    def read() -> list[pa.Table]:
        return [table for piece in pinned.slices for table in source.read(pinned, piece, None, as_decoded=True)]

    return _timed(read)


def _text(kind: str, *, flat: bool) -> Steps:
    tables, decode = _tables(flat=flat)
    texts, encode = _timed(lambda: [_encoded(_format(kind, compression="none"), t) for t in tables])
    packed, compress = _timed(lambda: [_gzipped(text) for text in texts])
    _, digest = _timed(lambda: [hashlib.sha256(data).digest() for data in packed])
    return Steps(decode=decode, encode=encode, compress=compress, hash=digest, megabytes=_size(texts))


def _parquet() -> Steps:
    """Compression is what gzip takes more than none: it happens within the encoder, a page at a time."""
    tables, decode = _tables(flat=False)
    texts, encode = _timed(lambda: [_encoded(_format("parquet", compression="none"), t) for t in tables])
    packed, both = _timed(lambda: [_encoded(_format("parquet"), t) for t in tables])
    _, digest = _timed(lambda: [hashlib.sha256(data).digest() for data in packed])
    return Steps(decode=decode, encode=encode, compress=both - encode, hash=digest, megabytes=_size(texts))


def _format(kind: str, **declared: str) -> Format:
    return FORMATS[kind].model_validate({"type": kind, **declared})


def _encoded(form: Format, table: pa.Table) -> bytes:
    encoder = form.encoder(table.schema)
    return b"".join([*encoder.encode(table), *encoder.close()])


def _gzipped(text: bytes) -> bytes:
    stream = Gzip(_format("json").model_dump()["compression_level"])
    return b"".join([*stream.write(text), *stream.finish()])


def _timed(act: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and its CPU time a row in microseconds: the least of three."""
    least = float("inf")
    for _ in range(3):
        began = time.process_time()
        given = act()
        least = min(least, time.process_time() - began)
    return given, least / ROWS * 1e6


def _size(texts: list[bytes]) -> float:
    return sum(map(len, texts)) / ROWS


if __name__ == "__main__":
    import json

    print(json.dumps({name: steps.model_dump() for name, steps in measured().items()}))
