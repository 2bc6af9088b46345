"""Which columns of pinned files Spark reads as Arrow does, and what their values are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.sources.unreadable import why_unreadable
from sluice.sql.translation.relation import Compared
from sluice.sql.translation.spelling import Kind

if TYPE_CHECKING:
    import pyarrow as pa

_DIGITS = 18
"""Digits of a decimal. DuckDB compares longer ones as doubles once a constant has many decimals."""
_TYPES: dict[str, tuple[Kind, str]] = {
    "bool": ("bool", "boolean"),
    "int8": ("whole", "tinyint"),
    "int16": ("whole", "smallint"),
    "int32": ("whole", "int"),
    "int64": ("whole", "bigint"),
    "double": ("float", "double"),
    "string": ("text", "string"),
    "large_string": ("text", "string"),
    "date32[day]": ("date", "date"),
    "timestamp[us]": ("timestamp", "timestamp_ntz"),
}


def compared(schema: pa.Schema) -> dict[str, Compared]:
    """The columns by name, as Spark compares them."""
    return {field.name: Compared(_type_of(field)[0], str(field.type), field.type) for field in schema}


def spark_type(field: pa.Field) -> str | None:
    """The column's type in Spark's words; None if Spark need not read it, because nothing compares or selects it."""
    return _type_of(field)[1]


def _type_of(field: pa.Field) -> tuple[Kind | None, str | None]:
    import pyarrow as pa

    kind = field.type
    if why_unreadable(field):
        return None, None
    if pa.types.is_decimal(kind):
        small = 0 <= kind.scale <= kind.precision <= _DIGITS
        return ("decimal", f"decimal({kind.precision},{kind.scale})") if small else (None, None)
    if pa.types.is_timestamp(kind) and kind.tz and kind.unit == "us":
        return "timestamptz", "timestamp"
    return _TYPES.get(str(kind), (None, None))
