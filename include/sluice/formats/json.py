"""NDJSON: one JSON object a line."""

from __future__ import annotations

from typing import Literal

from sluice.formats.base import Format


class Json(Format):
    """Newline-delimited JSON, gzipped (`.json.gz`) unless it says otherwise."""

    type: Literal["json"]
    compression: Literal["none", "gzip"] = "gzip"
    """`gzip` or `none`."""

    @property
    def extension(self) -> str:
        return ".json.gz" if self.compression == "gzip" else ".json"
