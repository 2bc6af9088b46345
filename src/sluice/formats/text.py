"""What the formats of text share: plain values, some rows at a time, then compression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sluice.errors import FatalError
from sluice.foreign import said
from sluice.formats.base import Format, declared
from sluice.formats.gzip import BLOCK, Gzip, Plain
from sluice.formats.plain import Convert, Rule, Unfit

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

FIRST_ROWS, MOST_ROWS, TEXT = 1_024, 32_768, 4 << 20
"""Rows written at once: as many as made about so many bytes of text the time before; the fastest size measured, and
small enough for many threads at once."""


class TextFormat(Format):
    """What every format of text shares."""

    compression: Literal["none", "gzip"] = "gzip"
    """`gzip` or `none`."""
    compression_level: int = Field(default=2, ge=0, le=3)
    """Of gzip: 2 is fast and smaller than 1, 3 makes files 1 to 3 % smaller at half the speed, 0 a third larger."""

    def holds(self, width: int) -> int:  # noqa: ARG002 - the same for rows of any width
        return 2 * BLOCK

    def compressor(self) -> Gzip | Plain:
        """A fresh compressor for one part."""
        return Gzip(self.compression_level) if self.compression == "gzip" else Plain()

    def named(self, ending: str) -> str:
        """A file's ending, and how it is compressed."""
        return f".{ending}.gz" if self.compression == "gzip" else f".{ending}"


class TextEncoder:
    """Rows as text. `render` has the text of some rows; `opening` is what stands before the first."""

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

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        import polars as pl

        yield from self._open()
        frame = pl.from_arrow(plain(declared(table, self._schema), self._schema, self._converts))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - for the type checker: a table becomes a frame
        start = 0
        while start < frame.height:
            rows = min(self._rows, frame.height - start)
            text = self._render(frame.slice(start, rows))
            start += rows
            self._rows = max(1, min(MOST_ROWS, rows * TEXT // (len(text) + 1)))
            yield from self._compressor.write(text)

    def close(self) -> Iterator[bytes]:
        yield from self._open()
        yield from self._compressor.finish()

    def _open(self) -> Iterator[bytes]:
        opening, self._opening = self._opening, b""
        if opening:
            yield from self._compressor.write(opening)


def plain(table: pa.Table, schema: pa.Schema, converts: Sequence[Convert | None]) -> pa.Table:
    """The same rows in plain types. Raises `FatalError` naming the column whose value cannot be."""
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
