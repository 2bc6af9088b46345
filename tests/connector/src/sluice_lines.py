"""A file format: the first column's values, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pyarrow as pa

from sluice.formats.base import Encoder, Format, Refused


class Lines(Format):
    """Text files of one value a line."""

    type: Literal["lines"]
    end: str = "\n"
    """What ends a line."""

    @property
    def extension(self) -> str:
        return ".txt"

    def hold(self, kind: pa.DataType) -> object:
        if pa.types.is_nested(kind):
            raise Refused("a line has no room for it")
        return kind

    def encoder(self, schema: pa.Schema) -> Encoder:
        return _Encoder(self.end)


class _Encoder:
    def __init__(self, end: str) -> None:
        self._end = end

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        if table.num_rows:
            values = table.column(0).cast(pa.string()).to_pylist()
            yield "".join(f"{value or ''}{self._end}" for value in values).encode()

    def close(self) -> Iterator[bytes]:
        yield from ()
