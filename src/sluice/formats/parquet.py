"""Apache Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sluice.formats.base import Format, Refused
from sluice.formats.nested import is_nested, nested
from sluice.formats.pages import GzippedPages
from sluice.formats.pieces import Pieces
from sluice.formats.plain import Convert, is_packed, packed
from sluice.formats.row_groups import MOST_BYTES, RowGroups
from sluice.formats.values import narrow

if TYPE_CHECKING:
    import pyarrow as pa

Codec = Literal["none", "gzip", "snappy", "zstd"]

_EXTENSIONS: dict[Codec, str] = {
    "none": ".parquet",
    "gzip": ".gz.parquet",
    "snappy": ".snappy.parquet",
    "zstd": ".zstd.parquet",
}
_LEVELS: dict[Codec, tuple[int, range]] = {"gzip": (2, range(4)), "zstd": (3, range(1, 23))}
"""For each codec with levels: the default level, and the valid levels."""


class Parquet(Format):
    """Parquet. Pages are gzipped by default (`.gz.parquet`); other extensions are `.snappy.parquet`, `.zstd.parquet`
    and, without compression, `.parquet`."""

    type: Literal["parquet"]
    compression: Codec = "gzip"
    """The compression of pages: `gzip`, `snappy`, `zstd` or `none`."""
    compression_level: int | None = None
    """The compression level: 0 to 3 for gzip (default: 2), 1 to 22 for zstd (default: 3)."""
    row_group: int = Field(default=122_880, ge=1, le=1_048_576)
    """Rows per row group. A row group is held in memory until it is full, and also ends at 64 MiB."""

    @model_validator(mode="after")
    def _known_level(self) -> Parquet:
        _, known = _LEVELS.get(self.compression, (None, range(0)))
        if self.compression_level is not None and self.compression_level not in known:
            levels = f"its levels are {known[0]} to {known[-1]}" if known else "it has no levels: remove the key"
            raise ValueError(f"{self.compression} has no compression_level {self.compression_level}: {levels}")
        return self

    @property
    def extension(self) -> str:
        return _EXTENSIONS[self.compression]

    def hold(self, kind: pa.DataType) -> Convert | None:
        return in_parquet(kind)

    def holds(self, width: int) -> int:
        group = min(MOST_BYTES, self.row_group * width)
        return group + group // 2  # the gathered rows, and the encoded pages of the group being written

    def encoder(self, schema: pa.Schema) -> RowGroups:
        default, _ = _LEVELS.get(self.compression, (None, None))
        level = default if self.compression_level is None else self.compression_level
        converts = [in_parquet(kind) for kind in schema.types]
        if self.compression == "gzip":
            return RowGroups(schema, converts, self.row_group, {"compression": "none"}, GzippedPages(level or 0))
        options = {"compression": self.compression, "compression_level": level}
        return RowGroups(schema, converts, self.row_group, options, Pieces())


def in_parquet(kind: pa.DataType) -> Convert | None:
    """How Parquet stores a type. Dictionaries, run-end encodings and views are decoded, so that the file depends on
    its values only. None if values are written unchanged. Raises `Refused`."""
    import pyarrow as pa

    is_a = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        if in_parquet(kind.storage_type):
            raise Refused("Parquet has no such type")
        return None
    if is_packed(kind):
        return packed(kind, in_parquet)
    if is_a.is_struct(kind) and not kind.num_fields:
        raise Refused("Parquet cannot store a struct without fields")
    if is_a.is_fixed_size_list(kind) and in_parquet(kind.value_type) is None:
        return None
    if is_nested(kind):
        return nested(kind, in_parquet, in_parquet)
    if is_a.is_decimal(kind):
        return narrow(kind)
    if is_a.is_string_view(kind) or is_a.is_binary_view(kind):
        whole = pa.large_string() if is_a.is_string_view(kind) else pa.large_binary()
        return lambda values: values.cast(whole)
    if is_a.is_interval(kind):
        raise Refused("Parquet readers do not agree on intervals of months")
    return None
