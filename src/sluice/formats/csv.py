"""CSV and TSV: one row per line, values separated by a delimiter."""

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

_WORD = re.compile(r"\w+", re.ASCII)


def _tab(value: Any) -> Any:
    return "\t" if value == "tab" else value


Delimiter = Annotated[str, BeforeValidator(_tab), Field(pattern=r'^[^A-Za-z0-9"+.\-\r\n\x80-\U0010ffff]$')]


class Csv(TextFormat):
    """Delimited text: `.csv`, or `.tsv` if the delimiter is a tab. Gzipped by default."""

    type: Literal["csv"]
    delimiter: Delimiter = ","
    """The field delimiter: one ASCII character such as `,`, `;`, `|` or `tab`. Letters, digits, double quotes, signs
    and points are not allowed."""
    header: bool = True
    """Whether the first line holds the column names."""
    quoting: Quoting = "minimal"
    """Which values are quoted. `minimal`: only those that need it. `non-numeric`: all except numbers and nulls. `all`:
    every value. `none`: no value, and a value that contains the delimiter or a line break fails the run."""
    null: str = ""
    """The token for null. If it is empty, an empty string is written as `""` to tell the two apart (not with
    `quoting: all` or `none`). A string that equals the token fails the run (not with `quoting: non-numeric`)."""
    encoding: Encoding = "utf-8"
    """The character encoding. A character that the encoding cannot represent fails the run."""
    line_end: Literal["lf", "crlf"] = "lf"
    """The line ending: `lf` (Unix) or `crlf` (Windows)."""

    @field_validator("null")
    @classmethod
    def _no_value(cls, null: str) -> str:
        if _LIKE_A_VALUE.match(null) or set(null) & set('"\r\n'):
            raise ValueError("the null token must not look like a value: use a token such as NULL or \\N")
        return null

    @property
    def extension(self) -> str:
        return self.named("tsv" if self.delimiter == "\t" else "csv")

    def check(self, schema: pa.Schema) -> None:
        super().check(schema)
        words = "".join(schema.names)
        if _WORD.fullmatch(words) and (self.quoting != "none" or self.delimiter not in words):
            return  # in every encoding, and the task does not start Polars' threads for it
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
        """A null must not look like a value, and a row must not be an empty line, which readers skip."""
        if cells.width == 1 and self.quoting != "all" and not self.null:
            column = cells.to_series()
            empty = self.quoting == "none" and any((text == "").any() for text in texts(cells))
            if column.null_count() or empty:
                raise FatalError(f"a null or empty value of `{column.name}`, the only column, would be an empty line",
                                 next_step="declare a `null:` token, or make the field `required:`")  # fmt: skip
        if self.null and self.quoting != "non-numeric":
            for column in texts(cells):
                if (column == self.null).any():
                    raise FatalError(f"column `{column.name}` contains the null token {self.null!r} as a value",
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
            raise FatalError(f"{who} contains U+{ord(char):04X}, which {self.encoding} cannot represent",
                             next_step="declare `encoding: utf-8`") from error  # fmt: skip
