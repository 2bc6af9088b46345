"""Text lines from a positional template: `%1%\\t%2%\\r\\n`."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from sluice.errors import DefinitionError, FatalError
from sluice.formats.cells import flat, prove_separate, texts
from sluice.formats.plain import Convert
from sluice.formats.text import TextEncoder, TextFormat, bytes_of
from sluice.formats.values import in_cell

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_TOKEN = re.compile(r"%(?P<field>[1-9]\d{0,3})%|(?P<percent>%%)|\\(?P<escape>[trn\\])|(?P<bad>[%\\])|(?P<text>[^%\\]+)")
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\"}


def parse(template: str) -> tuple[int | str, ...]:
    """Split the template into fields (their positions, starting at 1) and the text between them. Raises
    `ValueError`."""
    parts: list[int | str] = []
    for token in _TOKEN.finditer(template):
        match token.lastgroup, token[token.lastgroup or 0]:
            case "field", position:
                parts.append(int(position))
            case "bad", _:
                raise ValueError(
                    f"invalid character {token.start() + 1}: use %1%, %2% ... for fields, %% for a percent sign, "
                    r"and the escapes \t, \r, \n and \\"
                )
            case "escape", letter:
                parts.append(_ESCAPES[letter])
            case kind, text:
                parts.append("%" if kind == "percent" else text)
    return tuple(parts)


class Template(TextFormat):
    """One line per row, from a template that refers to fields by position (Data Workbench's Output Format)."""

    type: Literal["template"]
    template: str
    r"""The text of one row. `%1%` is the value of the first field, `%%` a percent sign. The escapes are `\t`, `\r`,
    `\n` and `\\`. It must end with a line break."""
    header: bool = False
    """Whether the first line holds the column names, laid out by the template."""
    null: str = ""
    """The token for null."""
    separators: Literal["fail", "space", "keep"] = "fail"
    """What to do with a value that contains a separator: a line break, or a character of the template that is neither a
    letter nor a digit. A reader could not see where such a value ends. `fail`: the run fails. `space`: each separator
    becomes a space. `keep`: the value is written unchanged."""
    compression: Literal["none", "gzip"] = "none"
    """The compression: `gzip` or `none`."""

    @field_validator("template")
    @classmethod
    def _known(cls, template: str) -> str:
        parts = parse(template)
        if not any(isinstance(part, int) for part in parts):
            raise ValueError("the template contains no field: write %1% for the first one")
        if not str(parts[-1]).endswith(("\n", "\r")):
            raise ValueError(r"the template must end with a line break: \r\n or \n")
        return template

    @property
    def extension(self) -> str:
        return self.named("txt")

    @cached_property
    def _parts(self) -> tuple[int | str, ...]:
        return parse(self.template)

    @cached_property
    def _separators(self) -> dict[str, int]:
        """How often each separator occurs in one row of the template itself."""
        literal = "".join(part for part in self._parts if isinstance(part, str))
        return {"\r": 0, "\n": 0} | {char: n for char, n in Counter(literal).items() if not char.isalnum()}

    def check(self, schema: pa.Schema) -> None:
        super().check(schema)
        beyond = [part for part in self._parts if isinstance(part, int) and part > len(schema.names)]
        if beyond:
            raise DefinitionError(
                f"template: %{beyond[0]}% refers to a field that does not exist; the fields are 1 to"
                f" {len(schema.names)}",
                known=[f"%{i}% {name}" for i, name in enumerate(schema.names, 1)],
            )
        try:
            self._opening(schema)
        except FatalError as error:
            raise DefinitionError(f"template: the header cannot be written: {error.what}") from error

    def hold(self, kind: pa.DataType) -> Convert | None:
        return in_cell(kind)

    def encoder(self, schema: pa.Schema) -> TextEncoder:
        return TextEncoder(schema, self.hold, self._lines, self.compressor(), self._opening(schema))

    def _opening(self, schema: pa.Schema) -> bytes:
        import polars as pl

        if not self.header:
            return b""
        return self._lines(pl.DataFrame([pl.Series(name, [name]) for name in schema.names]))

    def _lines(self, rows: pl.DataFrame) -> bytes:
        cells = flat(rows)
        if self.separators == "space":
            cells = self._spaced(cells)
        text = self._written(cells)
        if self.separators == "fail":
            prove_separate(text, cells, self._separators, "declare `separators: space`, or another template")
        return text

    def _spaced(self, cells: pl.DataFrame) -> pl.DataFrame:
        return cells.with_columns(
            column.str.replace_many(list(self._separators), [" "] * len(self._separators)) for column in texts(cells)
        )

    def _written(self, cells: pl.DataFrame) -> bytes:
        """The lines as one byte string."""
        import polars as pl

        values = cells.rename({name: str(i) for i, name in enumerate(cells.columns, 1)})
        parts = [
            pl.lit(part) if isinstance(part, str) else pl.col(str(part)).cast(pl.String).fill_null(self.null)
            for part in self._parts
        ]
        return bytes_of(values.select(pl.concat_str(parts)).to_series())
