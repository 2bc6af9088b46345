"""Apache Parquet."""

from __future__ import annotations

from typing import Literal

from sluice.formats.base import Format


class Parquet(Format):
    """Parquet: `.parquet`, or `.gz.parquet` with its pages gzipped."""

    type: Literal["parquet"]
    compression: Literal["none", "gzip"] = "gzip"
    """How pages are compressed: `gzip` or `none`."""

    @property
    def extension(self) -> str:
        return ".gz.parquet" if self.compression == "gzip" else ".parquet"
