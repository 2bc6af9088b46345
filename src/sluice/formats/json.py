"""NDJSON: one JSON object per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sluice.formats.pieces import Pieces
from sluice.formats.plain import Convert
from sluice.formats.text import TextEncoder, TextFormat
from sluice.formats.values import in_finite_json, in_json

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


class Json(TextFormat):
    """Newline-delimited JSON in UTF-8. Gzipped by default (`.json.gz`)."""

    type: Literal["json"]
    non_finite: Literal["null", "fail"] = "null"
    """What happens to NaN and infinity, which JSON cannot represent. `null`: they become null. `fail`: the run fails
    and names the column."""

    @property
    def extension(self) -> str:
        return self.named("json")

    def hold(self, kind: pa.DataType) -> Convert | None:
        return in_json(kind) if self.non_finite == "null" else in_finite_json(kind)

    def encoder(self, schema: pa.Schema) -> TextEncoder:
        return TextEncoder(schema, self.hold, _lines, self.compressor())


def _lines(rows: pl.DataFrame) -> bytes:
    text = Pieces()
    rows.write_ndjson(text.file)
    return text.take()
