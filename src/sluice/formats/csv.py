"""CSV and TSV: one line a row, values apart by a delimiter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from sluice.errors import DefinitionError, FatalError
from sluice.formats.cells import flat, prove_separate, texts
from sluice.formats.pieces import Pieces
from sluice.formats.plain import Convert
from sluice.formats.text import TextEncoder, TextFormat
from sluice.formats.values import in_cell

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

Quoting = Literal["minimal", "non-numeric", "all", "none"]
Encoding = Literal["utf-8", "utf-8-bom", "utf-16", "latin-1", "windows-1252"]

_POLARS_QUOTING: dict[Quoting, Any] = {
    "minimal": "necessary",
    "non-numeric": "non_numeric",
    "all": "always",
    "none": "never",
}
_CODECS: dict[Encoding, tuple[bytes, str | None]] = {
    "utf-8": (b"", None),
    "utf-8-bom": (b"\xef\xbb\xbf", None),
    "utf-16": (b"\xff\xfe", "utf-16-le"),
    "latin-1": (b"", "latin-1"),
    "windows-1252": (b"", "cp1252"),
}
_LINE_ENDS = {"lf": "\n", "crlf": "\r\n"}
_LIKE_A_VALUE = re.compile(r"[+-]?(\d|\.\d|inf|nan)|(true|false)$", re.IGNORECASE)


def _tab(value: Any) -> Any:
    return "\t" if value == "tab" else value


Delimiter = Annotated[str, BeforeValidator(_tab), Field(pattern=r'^[^A-Za-z0-9"+.\-\r\n\x80-\U0010ffff]$')]


class Csv(TextFormat):
    """Values apart by a delimiter: `.csv`, or `.tsv` where the delimiter is a tab; gzipped unless it says otherwise."""

    type: Literal["csv"]
    delimiter: Delimiter = ","
    """One ASCII character between two values: `,`, `;`, `|`, `tab` ...; no letter, digit, quote, sign or point."""
    header: bool = True
    """Whether the first line holds the column names."""
    quoting: Quoting = "minimal"
    """Which values stand in quotes: `minimal` those that need them, `non-numeric` all but numbers and nulls, `all`
    every one, `none` none: then a value that holds a delimiter or a line end fails the run."""
    null: str = ""
    """What stands for null. Where it is empty, an empty string is written as two quotes, so the two differ (not with
    `quoting: all` or `none`). A string that is the token itself fails the run (not with `quoting: non-numeric`)."""
    encoding: Encoding = "utf-8"
    """How characters become bytes; one that the encoding has not fails the run."""
    line_end: Literal["lf", "crlf"] = "lf"
    """What ends a line: `lf` (Unix) or `crlf` (Windows)."""

    @field_validator("null")
    @classmethod
    def _no_value(cls, null: str) -> str:
        if _LIKE_A_VALUE.match(null) or set(null) & set('"\r\n'):
            raise ValueError("a null token must not look like a value: write a word or a sign such as NULL or \\N")
        return null

    @property
    def extension(self) -> str:
        return self.named("tsv" if self.delimiter == "\t" else "csv")

    def check(self, schema: pa.Schema) -> None:
        super().check(schema)
        try:
            self._opening(schema)
        except FatalError as error:
            raise DefinitionError(f"csv: the header cannot be written: {error.what}") from error

    def hold(self, kind: pa.DataType) -> Convert | None:
        return in_cell(kind)

    def encoder(self, schema: pa.Schema) -> TextEncoder:
        return TextEncoder(schema, self.hold, self._lines, self.compressor(), self._opening(schema))

    def _opening(self, schema: pa.Schema) -> bytes:
        import polars as pl

        mark, _ = _CODECS[self.encoding]
        if not self.header:
            return mark
        names = pl.DataFrame([pl.Series(name, [name]) for name in schema.names])
        return mark + self._encoded(self._written(names), names)

    def _lines(self, rows: pl.DataFrame) -> bytes:
        cells = flat(rows)
        self._prove_nulls(cells)
        return self._encoded(self._written(cells), cells)

    def _written(self, cells: pl.DataFrame) -> bytes:
        text, end = Pieces(), _LINE_ENDS[self.line_end]
        cells.write_csv(
            text.file,
            include_header=False,
            separator=self.delimiter,
            line_terminator=end,
            null_value=self.null,
            quote_style=_POLARS_QUOTING[self.quoting],
        )
        written = text.take()
        if self.quoting == "none":
            expected = {self.delimiter: cells.width - 1} | {char: int(char in end) for char in "\r\n"}
            prove_separate(written, cells, expected, "declare another `delimiter:` or another `quoting:`")
        return written

    def _prove_nulls(self, cells: pl.DataFrame) -> None:
        """A null must not look like a value, nor a row like an empty line, which readers pass over."""
        if cells.width == 1 and self.quoting != "all" and not self.null:
            column = cells.to_series()
            empty = self.quoting == "none" and any((text == "").any() for text in texts(cells))
            if column.null_count() or empty:
                raise FatalError(f"column `{column.name}` stands alone and would make an empty line",
                                 next_step="declare a `null:` token, or make the field `required:`")  # fmt: skip
        if self.null and self.quoting != "non-numeric":
            for column in texts(cells):
                if (column == self.null).any():
                    raise FatalError(f"column `{column.name}` holds the null token {self.null!r} as a value",
                                     next_step="declare `quoting: non-numeric`, or another `null:`")  # fmt: skip

    def _encoded(self, text: bytes, cells: pl.DataFrame) -> bytes:
        _, codec = _CODECS[self.encoding]
        if codec is None:
            return text
        try:
            return text.decode().encode(codec)
        except UnicodeEncodeError as error:
            char = error.object[error.start]
            guilty = [f"column `{c.name}`" for c in texts(cells) if c.str.contains(char, literal=True).any()]
            who = guilty[0] if guilty else "the null token"
            raise FatalError(f"{who} holds U+{ord(char):04X}, which {self.encoding} has not",
                             next_step="declare `encoding: utf-8`") from error  # fmt: skip
