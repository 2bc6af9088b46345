"""CSV: one line a row, values apart by a delimiter."""

from __future__ import annotations

from typing import Literal

from sluice.formats.base import Format


class Csv(Format):
    """Comma-separated values, plain or gzipped."""

    type: Literal["csv"]
    compression: Literal["none", "gzip"] = "gzip"
    """`gzip` or `none`."""
    delimiter: str = ","
    """One character between two values."""
    header: bool = True
    """Whether the first line holds the column names."""

    @property
    def extension(self) -> str:
        return ".csv.gz" if self.compression == "gzip" else ".csv"
