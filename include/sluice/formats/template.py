"""Text by a positional template: `%1%\\t%2%\\r\\n`."""

from __future__ import annotations

from typing import Literal

from sluice.formats.base import Format


class Template(Format):
    """One line a row, written by a template over the fields' positions (Data Workbench's Output Format)."""

    type: Literal["template"]
    template: str
    """The text of one row: `%1%` is the first field's value; the escapes `\\t`, `\\r`, `\\n` and `\\\\` are known."""
    compression: Literal["none", "gzip"] = "none"
    """`gzip` or `none`."""

    @property
    def extension(self) -> str:
        return ".txt.gz" if self.compression == "gzip" else ".txt"
