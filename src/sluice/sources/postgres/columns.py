"""Maps PostgreSQL types: to their Arrow counterpart, to a decimal, or to PostgreSQL's own text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluice.errors import FatalError
from sluice.sql import quote

if TYPE_CHECKING:
    import pyarrow as pa

_NATIVE = {
    "bool": "bool",
    "int2": "int16",
    "int4": "int32",
    "int8": "int64",
    "float4": "float",
    "float8": "double",
    "text": "string",
    "varchar": "string",
    "bpchar": "string",
    "name": "string",
    "bytea": "binary",
    "date": "date32[day]",
    "time": "time64[us]",
    "timestamp": "timestamp[us]",
    "timestamptz": "timestamp[us, tz=UTC]",
}
"""Types that map to an Arrow counterpart. Both must match, because a user-defined type may be named `date`."""
_LISTS = {
    f"_{name}": f"list<item: {_NATIVE[name]}>"
    for name in _NATIVE.keys() - {"bpchar", "name", "bytea", "time"}
}  # fmt: skip
_DIGITS = 38
"""Digits of a decimal that every engine supports. PostgreSQL allows 1,000."""
_MONEY = {"money": "numeric", "_money": "numeric[]"}
"""The text of money depends on `lc_monetary`. Cast to numbers, it keeps the decimals and loses currency sign and
separators."""


@dataclass(frozen=True)
class Column:
    """One column of a query result."""

    name: str
    server: str
    """The PostgreSQL type."""
    type: pa.DataType
    """The delivered type."""

    @property
    def select(self) -> str:
        """The SQL expression that selects the column."""
        if self._is_text:
            via = f"::{_MONEY[self.server]}" if self.server in _MONEY else ""
            return f"{quote(self.name)}{via}::text as {quote(self.name)}"
        return quote(self.name)

    @property
    def dimensions(self) -> str | None:
        """The SQL expression for the number of dimensions of the array, which the driver does not report. None if the
        column is not a list."""
        return f"array_ndims({quote(self.name)})" if self.server in _LISTS and not self._is_text else None

    @property
    def is_counterpart(self) -> bool:
        """Whether the delivered type is PostgreSQL's own, and not the text of another type."""
        return _NATIVE.get(self.server) == str(self.type)

    @property
    def _is_text(self) -> bool:
        import pyarrow as pa

        return bool(pa.types.is_string(self.type)) and _NATIVE.get(self.server) != "string"

    def delivered(self, column: pa.Array) -> pa.Array:
        """The column in its delivered type. Raises `FatalError` if a value does not fit the type."""
        import pyarrow as pa

        stored = column.storage if isinstance(column, pa.ExtensionArray) else column
        self._refuse_without_counterpart(stored.flatten() if pa.types.is_list(stored.type) else stored)
        try:
            return stored.cast(self.type)
        except ValueError:
            what = f"column {self.name!r} of type {self.server} holds `NaN` or `Infinity`, which no decimal can hold"
            raise FatalError(what, next_step=self._as_text) from None

    def refuse_nested(self, dimensions: pa.Array) -> None:
        """Raise `FatalError` for an array of several dimensions: an Arrow list has one, and a PostgreSQL array type
        does not say how many it has."""
        import pyarrow.compute as pc

        if (pc.max(dimensions).as_py() or 1) > 1:
            raise FatalError(
                f"column {self.name!r} of type {self.server[1:]}[] holds an array of more than one dimension",
                next_step=f"send it as JSON: to_jsonb({quote(self.name)}) in the source's `query`",
            )

    def _refuse_without_counterpart(self, values: Any) -> None:
        """Raise `FatalError` for `infinity` and dates outside the years 1 to 9999. The driver would silently turn
        `infinity` into a day in the year 294277 or 290308 BC."""
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = values.type
        if not pa.types.is_temporal(kind):
            return
        bounds = pc.min_max(values.view(pa.int32() if pa.types.is_date32(kind) else pa.int64()))
        low, high, what = _BOUNDS[str(kind).partition("[")[0]]
        if bounds["max"].is_valid and (bounds["max"].as_py() > high or bounds["min"].as_py() < low):
            raise FatalError(f"column {self.name!r} of type {self.server} holds {what}", next_step=self._as_text)

    @property
    def _as_text(self) -> str:
        kind = "text[]" if self.server in _LISTS else "text"
        other = ", or replace such values" if self.server in _LISTS else f", or nullif({quote(self.name)}, ...)"
        return f"write {quote(self.name)}::{kind}{other} in the source's `query`"


_ENDLESS = "`infinity`, or a date outside of the years 1 to 9999"
_BOUNDS = {
    "date32": (-719_162, 2_932_896, _ENDLESS),
    "timestamp": (-62_135_596_800_000_000, 253_402_300_799_999_999, _ENDLESS),
    "time64": (0, 86_399_999_999, "the time 24:00:00, which other systems do not know"),
}
"""For each Arrow type: the smallest and the largest stored value (days, or microseconds), and the error for others."""


def column_of(field: pa.Field) -> Column:
    """How to select and deliver a column that the driver describes."""
    import pyarrow as pa

    said = {key.decode(): value.decode().strip("'") for key, value in (field.metadata or {}).items()}
    server = said.get("POSTGRESQL:type", "")
    if (_NATIVE | _LISTS).get(server) == str(field.type):
        return Column(field.name, server, field.type)
    return Column(field.name, server, _decimal(server, int(said.get("POSTGRESQL:typmod", -1))) or pa.string())


def _decimal(server: str, modifier: int) -> pa.DataType | None:
    """The decimal type for `numeric(p, s)`. None if it has no precision, or more than 38 digits."""
    import pyarrow as pa

    # PostgreSQL stores the type modifier as ((precision << 16) | scale) + 4. It has 11 bits for the scale.
    precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
    if server != "numeric" or modifier < 4 or precision > _DIGITS or scale > precision:
        return None
    return pa.decimal128(precision, scale)
