"""What the formats of text share: plain values, some rows at a time, then compression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sluice.errors import FatalError
from sluice.formats.base import Format, sound
from sluice.formats.gzip import Gzip, Plain
from sluice.formats.plain import Convert, Rule, Unfit

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

MOST_ROWS, MOST_BYTES = 32_768, 8 << 20
"""What is written at once: the fastest of the sizes measured, and small enough for many threads at once."""


class TextFormat(Format):
    """What every format of text shares."""

    compression: Literal["none", "gzip"] = "gzip"
    """`gzip` or `none`."""
    compression_level: int = Field(default=2, ge=0, le=3)
    """Of gzip: 2 is fast and smaller than 1, 3 makes files 1 to 3 % smaller at half the speed, 0 a third larger."""

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

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        import polars as pl

        yield from self._open()
        for rows in _slices(plain(sound(table, self._schema), self._converts)):
            frame = pl.from_arrow(rows)
            assert isinstance(frame, pl.DataFrame)  # noqa: S101 - for the type checker: a table becomes a frame
            yield from self._compressor.write(self._render(frame))

    def close(self) -> Iterator[bytes]:
        yield from self._open()
        yield from self._compressor.finish()

    def _open(self) -> Iterator[bytes]:
        opening, self._opening = self._opening, b""
        if opening:
            yield from self._compressor.write(opening)


def plain(table: pa.Table, converts: Sequence[Convert | None]) -> pa.Table:
    """The same rows in plain types. Raises `FatalError` naming the column whose value cannot be."""
    import pyarrow as pa

    if not table.num_rows:
        return table
    columns = []
    for name, column, convert in zip(table.column_names, table.columns, converts, strict=True):
        try:
            columns.append(pa.chunked_array([convert(chunk) for chunk in column.chunks]) if convert else column)
        except (Unfit, pa.ArrowInvalid) as error:
            raise FatalError(f"column `{name}`: {error}") from error
    return pa.table(columns, names=table.column_names)


def _slices(table: pa.Table) -> Iterator[pa.Table]:
    """The rows in order, a bounded number of rows and bytes at a time."""
    if not table.num_rows:
        return
    per_row = table.nbytes // table.num_rows + 1
    rows = max(1, min(MOST_ROWS, MOST_BYTES // per_row))
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)
