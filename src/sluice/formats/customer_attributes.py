"""Data files of customer attributes, for Adobe Experience Cloud.

https://experienceleague.adobe.com/en/docs/core-services/interface/services/customer-attributes/crs-data-file
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from sluice.errors import FatalError
from sluice.formats.base import Repeats, Unfit, declared
from sluice.formats.cells import flat, texts
from sluice.formats.plain import Convert
from sluice.formats.text import TextEncoder, TextFormat, bytes_of, plain
from sluice.formats.values import in_cell

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

BYTES = 4_000_000_000
"""The largest file that Experience Cloud takes."""
COLUMNS = 200
"""The most columns that it recommends."""
_QUOTED = r'[",\\\r\n]'
"""What a value is quoted for. Readers that know a backslash before a quote know it before a backslash, too."""
_NO_NAME = re.compile(r"[<>'\",.\x00-\x1f\x7f]")


class CustomerAttributes(TextFormat):
    """A data file of customer attributes of Adobe Experience Cloud: comma-separated, with the names in the first line.
    The first field is the customer's id; a row whose id another row has is rejected, unless the export says otherwise.
    A double quote in a value is escaped by a backslash. Null and empty text are an empty value, which clears the
    attribute."""

    type: Literal["customer-attributes"]
    compression: Literal["none", "gzip"] = "none"
    """The compression: `gzip` or `none`."""

    unfit: ClassVar[Unfit] = "reject"

    @property
    def extension(self) -> str:
        return self.named("csv")

    def hold(self, kind: pa.DataType) -> Convert | None:
        return in_cell(kind)

    def refusals(self, table: pa.Table, schema: pa.Schema) -> pa.ChunkedArray | pa.Array | None:
        import pyarrow as pa

        try:
            plain(declared(table, schema), schema, [self.hold(kind) for kind in schema.types])
        except FatalError:
            return None  # a value that no text format can hold: find its row by encoding
        return pa.nulls(table.num_rows, pa.string())

    def repeats(self, names: Sequence[str]) -> Repeats | None:
        return Repeats(names[0], 1)

    def encoder(self, schema: pa.Schema) -> TextEncoder:
        import polars as pl

        names = pl.DataFrame([pl.Series(name, [name]) for name in schema.names])
        return TextEncoder(schema, self.hold, self._lines, self.compressor(), self._lines(names))

    def _lines(self, rows: pl.DataFrame) -> bytes:
        import polars as pl

        cells = flat(rows)
        cells.columns = [str(number) for number in range(cells.width)]  # to Polars, `*` and `^x$` are patterns
        text = {column.name for column in texts(cells)}
        values = [_quoted(name) if name in text else pl.col(name).cast(pl.String) for name in cells.columns]
        line = pl.concat_str([value.fill_null("") for value in values], separator=",")
        return bytes_of(cells.select(pl.concat_str([line, pl.lit("\n")])).to_series())


def _quoted(name: str) -> pl.Expr:
    import polars as pl

    escaped = pl.col(name).str.replace_many(["\\", '"'], ["\\\\", '\\"'])
    whole = pl.concat_str([pl.lit('"'), escaped, pl.lit('"')])
    return pl.when(pl.col(name).str.contains(_QUOTED)).then(whole).otherwise(pl.col(name))


def why_no_name(name: str) -> str:
    """Why this cannot be the name of an attribute; empty if it can."""
    found = _NO_NAME.search(name)
    return f"it contains {found[0]!r}" if found else ""
