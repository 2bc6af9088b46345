"""A file format: Labeled Tab-separated Values, a row a line (http://ltsv.org)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pyarrow as pa
from pyarrow import types

from sluice.errors import DefinitionError, FatalError
from sluice.formats.base import Encoder, Format, Refused, declared

ENDS = {"lf": "\n", "crlf": "\r\n"}
SEPARATORS = set("\t\r\n")
PLAIN = (types.is_boolean, types.is_integer, types.is_floating, types.is_decimal, types.is_string)
PLAIN += (types.is_large_string, types.is_string_view, types.is_date, types.is_time, types.is_timestamp, types.is_null)


class Ltsv(Format):
    """Text files of `label:value` cells with tabs between them. A row has no cell for a null."""

    type: Literal["ltsv"]
    line_end: Literal["lf", "crlf"] = "lf"
    """What ends a line: `lf` or `crlf`."""

    @property
    def extension(self) -> str:
        return ".ltsv"

    def check(self, schema: pa.Schema) -> None:
        super().check(schema)
        for name in schema.names:
            if {*name} & {*SEPARATORS, ":"}:
                raise DefinitionError(
                    f"ltsv: `{name}` is no label", next_step="give the column another name with `as:`"
                )

    def hold(self, kind: pa.DataType) -> object:
        value = kind.value_type if types.is_dictionary(kind) else kind
        if not any(is_plain(value) for is_plain in PLAIN):
            raise Refused("a cell holds one plain value")
        return value

    def encoder(self, schema: pa.Schema) -> Encoder:
        return _Encoder(schema, ENDS[self.line_end])


class _Encoder:
    def __init__(self, schema: pa.Schema, end: str) -> None:
        self._schema, self._end = schema, end

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        rows = declared(table, self._schema)
        columns = [_cells(name, rows[name]) for name in rows.column_names]
        for row in zip(*columns, strict=True):
            yield ("\t".join(cell for cell in row if cell is not None) + self._end).encode()

    def close(self) -> Iterator[bytes]:
        yield from ()


def _cells(name: str, values: pa.ChunkedArray) -> Iterator[str | None]:
    for text in values.cast(pa.string()).to_pylist():
        if text is not None and SEPARATORS.intersection(text):
            raise FatalError(f"ltsv: a value of column `{name}` holds a tab or a line end")
        yield None if text is None else f"{name}:{text}"
