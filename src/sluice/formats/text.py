"""What all text formats share: values are made plain, rows rendered in batches, and the text compressed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sluice.errors import FatalError
from sluice.foreign import said
from sluice.formats.base import Format, declared
from sluice.formats.gzip import BLOCK, Gzip, Plain
from sluice.formats.plain import Convert, Rule, Unfit
from sluice.model.weight import weight

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

FIRST_ROWS, MOST_ROWS, TEXT = 1_024, 32_768, 4 << 20
"""Rows per batch: the first batch, the maximum, and the bytes of text that later batches aim at. This was the fastest
size measured, and is small enough for many threads in parallel."""
_GATHERED = 8 << 20
"""Small tables, such as the members of one row group, wait until they make a batch, or until their values, or the
buffers that they keep alive, take so many bytes. Both may be large: rows may share one long text, and a view of a text
keeps the text of its whole row group."""


class TextFormat(Format):
    """Settings that all text formats share."""

    compression: Literal["none", "gzip"] = "gzip"
    """The compression: `gzip` or `none`."""
    compression_level: int = Field(default=2, ge=0, le=3)
    """The gzip level. Level 2 is fast and makes smaller files than level 1. Compared with level 2, level 3 makes files
    1 to 3 % smaller at half the speed, and level 0 makes them a third larger."""

    def holds(self, width: int) -> int:  # noqa: ARG002 - the same for rows of any width
        return 2 * BLOCK + _GATHERED

    def compressor(self) -> Gzip | Plain:
        """A fresh compressor for one part."""
        return Gzip(self.compression_level) if self.compression == "gzip" else Plain()

    def named(self, ending: str) -> str:
        """The file extension, including that of the compression."""
        return f".{ending}.gz" if self.compression == "gzip" else f".{ending}"


class TextEncoder:
    """Encodes rows as text. `render` turns rows into text; `opening` is written before the first row."""

    def __init__(
        self,
        schema: pa.Schema,
        rule: Rule,
        render: Callable[[pl.DataFrame], bytes],
        compressor: Gzip | Plain,
        opening: bytes = b"",
    ) -> None:
        self._schema, self._render, self._compressor, self._opening = schema, render, compressor, opening
        self._converts = [rule(kind) for kind in schema.types]
        self._rows = FIRST_ROWS
        self._gathered: list[pa.Table] = []
        """Tables that wait for more rows, and their bytes."""
        self._bytes = 0

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        yield from self._open()
        rows = declared(table, self._schema)
        if self._gathered and self._gathered[0].schema.types != rows.schema.types:
            yield from self._written()  # the same types in another layout: views of text, then text
        self._gathered.append(rows)
        if sum(one.num_rows for one in self._gathered) >= self._rows or self._taken(rows) >= _GATHERED:
            yield from self._written()

    def _taken(self, rows: pa.Table) -> int:
        """The bytes of all gathered tables, of which these rows are the last."""
        self._bytes += max(weight(rows), rows.get_total_buffer_size())
        return self._bytes

    def _written(self) -> Iterator[bytes]:
        """The gathered rows as text, in batches of about the same size."""
        import polars as pl
        import pyarrow as pa

        gathered, self._gathered, self._bytes = self._gathered, [], 0
        frame = pl.from_arrow(plain(pa.concat_tables(gathered), self._schema, self._converts))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - for the type checker: a table becomes a frame
        start = 0
        while start < frame.height:
            left = frame.height - start
            rows = -(-left // max(1, round(left / self._rows)))
            text = self._render(frame.slice(start, rows))
            start += rows
            # Wide rows make much text: the next batch has as many rows as fit TEXT at this batch's average.
            self._rows = max(1, min(MOST_ROWS, rows * TEXT // (len(text) + 1)))
            yield from self._compressor.write(text)

    def close(self) -> Iterator[bytes]:
        yield from self._open()
        if self._gathered:
            yield from self._written()
        yield from self._compressor.finish()

    def _open(self) -> Iterator[bytes]:
        opening, self._opening = self._opening, b""
        if opening:
            yield from self._compressor.write(opening)


def plain(table: pa.Table, schema: pa.Schema, converts: Sequence[Convert | None]) -> pa.Table:
    """The same rows in plain types. Raises `FatalError` naming the column if a value cannot be converted."""
    import pyarrow as pa

    if not table.num_rows:
        return table
    columns = []
    for field, column, convert in zip(schema, table.columns, converts, strict=True):
        try:
            columns.append(_converted(column.cast(field.type), convert) if convert else column)
        except (Unfit, pa.ArrowInvalid) as error:
            raise FatalError(f"column `{field.name}`: {said(error)}") from error
    return pa.table(columns, names=table.column_names)


def _converted(column: pa.ChunkedArray, convert: Convert) -> pa.ChunkedArray:
    import pyarrow as pa

    return pa.chunked_array([convert(chunk) for chunk in column.chunks])


def bytes_of(lines: pl.Series) -> bytes:
    """A text column without nulls as one byte string. Arrow stores its values one after another, so the column's data
    buffer already is the file's text, and no value passes through Python."""
    import polars as pl

    # The oldest layout is `large_string`: its offsets are 64-bit, and the last one is the length of the text.
    column = lines.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, ends, text = column.buffers()
    (length,) = struct.unpack_from("<q", ends, 8 * (column.offset + len(column)))
    return bytes(text[:length]) if text is not None else b""
