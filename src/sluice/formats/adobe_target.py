"""Batch files of Adobe Target's Bulk Profile Update API.

https://experienceleague.adobe.com/en/docs/target-dev/developer/api/profile-apis/profile-bulk-api
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from sluice.errors import DefinitionError
from sluice.formats.cells import flat
from sluice.formats.plain import Convert
from sluice.formats.text import TextEncoder, TextFormat
from sluice.formats.values import in_cell

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

ROWS, BYTES = 500_000, 50_000_000
"""The most rows of a batch file, and the size that it must not reach."""
_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


class AdobeTarget(TextFormat):
    """A batch file of Adobe Target's Bulk Profile Update API: one profile per line, its id first, then the values of
    its parameters, all percent-encoded. An empty value and null leave the parameter as it is."""

    type: Literal["adobe-target"]
    key: Literal["thirdPartyId", "pcId"] = "thirdPartyId"
    """What identifies a profile: the value of the first field. `thirdPartyId` is the customer's own id, `pcId` is
    Target's. The other fields are parameters."""
    compression: Literal["none"] = "none"
    """Batch files are not compressed."""

    @property
    def extension(self) -> str:
        return ".csv"

    def check(self, schema: pa.Schema) -> None:
        super().check(schema)
        if wrong := next((name for name in schema.names[1:] if name.startswith("profile.")), ""):
            plain = wrong.removeprefix("profile.")
            raise DefinitionError(
                f"adobe-target: Target itself adds `profile.` to the names of parameters, so `{wrong}` is wrong",
                next_step=f"name it with `as: {plain}`",
            )

    def hold(self, kind: pa.DataType) -> Convert | None:
        return in_cell(kind)

    def encoder(self, schema: pa.Schema) -> TextEncoder:
        parameters = ",".join(["", *(quote(name, safe=_SAFE) for name in schema.names[1:])])
        return TextEncoder(
            schema, self.hold, self._lines, self.compressor(), f"batch={self.key}{parameters}\n".encode()
        )

    def _lines(self, rows: pl.DataFrame) -> bytes:
        import polars as pl

        columns = (column.alias(str(index)) for index, column in enumerate(flat(rows)))
        lines = pl.DataFrame([_encoded(column).alias(column.name) for column in columns])
        joined = lines.select(pl.concat_str([pl.concat_str(pl.all(), separator=","), pl.lit("\n")])).to_series()
        text, length = _text(joined)
        return bytes(text[:length])


def _encoded(column: pl.Series) -> pl.Series:
    """The values as percent-encoded UTF-8; null as an empty text. Arrow stores them one after another, so all of them
    are encoded at once."""
    import numpy as np
    import polars as pl
    import pyarrow as pa

    values = column.cast(pl.String).fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
    if not len(values) or ends[0] == ends[-1]:
        return column.cast(pl.String).fill_null("")
    text = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    safe = np.isin(text, np.frombuffer(_SAFE.encode(), np.uint8))
    starts = np.concatenate([[0], np.cumsum(np.where(safe, 1, 3))])
    found = np.full(starts[-1], ord("%"), np.uint8)
    found[starts[:-1][safe]] = text[safe]
    digits, at = np.frombuffer(b"0123456789ABCDEF", np.uint8), starts[:-1][~safe]
    found[at + 1], found[at + 2] = digits[text[~safe] >> 4], digits[text[~safe] & 15]
    bounds = starts[ends - ends[0]].astype(np.int64)
    buffers = [None, pa.py_buffer(np.ascontiguousarray(bounds)), pa.py_buffer(found)]
    encoded = pl.from_arrow(pa.Array.from_buffers(pa.large_string(), len(values), buffers))
    assert isinstance(encoded, pl.Series)  # noqa: S101 - for the type checker: an array becomes a series
    return encoded


def _text(column: pl.Series) -> tuple[pa.Buffer | bytes, int]:
    """The text of a column without nulls as one buffer, and its length."""
    import polars as pl

    array = column.to_arrow(compat_level=pl.CompatLevel.oldest())
    # The oldest layout is `large_string`: its offsets are 64-bit, and the last one is the length of the text.
    _, ends, text = array.buffers()
    (length,) = struct.unpack_from("<q", ends, 8 * (array.offset + len(array)))
    return (text if text is not None else b""), length
