"""Unifies the schemas of files written at different times. Only type differences without loss are accepted.

This is stricter than Arrow's own promotion, which would turn text into numbers or round integers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from sluice.sql.names import fold

if TYPE_CHECKING:
    import pyarrow as pa

_WIDTHS = {
    "signed": ["int8", "int16", "int32", "int64"],
    "unsigned": ["uint8", "uint16", "uint32", "uint64"],
    "float": ["halffloat", "float", "double"],
    "text": ["string", "large_string"],
    "bytes": ["binary", "large_binary"],
}
_UNITS = ["s", "ms", "us", "ns"]


def plain(type_: pa.DataType) -> pa.DataType:
    """The type that rows have in memory. Dictionaries and views are encodings, so they are replaced by the type of
    their values: Arrow cannot select rows of a column of views. UUID is the only extension type that stays, because
    formats support it."""
    import pyarrow as pa

    if isinstance(type_, pa.BaseExtensionType):
        return type_ if type_ == pa.uuid() else plain(type_.storage_type)
    if pa.types.is_string_view(type_) or pa.types.is_binary_view(type_):
        return pa.string() if pa.types.is_string_view(type_) else pa.binary()
    if pa.types.is_dictionary(type_):
        return plain(type_.value_type)
    if pa.types.is_struct(type_):
        return pa.struct([f.with_type(plain(f.type)) for f in type_])
    if pa.types.is_list(type_):
        return pa.list_(type_.value_field.with_type(plain(type_.value_type)))
    return type_


def wider(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """The type that holds all values of both types without loss. None if there is none."""
    import pyarrow as pa

    if a.equals(b):
        return a
    if pa.types.is_null(a) or pa.types.is_null(b):
        return b if pa.types.is_null(a) else a
    if pa.types.is_struct(a) and pa.types.is_struct(b):
        return _wider_struct(a, b)
    if pa.types.is_list(a) and pa.types.is_list(b):
        item = wider(a.value_type, b.value_type)
        nullable = a.value_field.nullable or b.value_field.nullable
        return None if item is None else pa.list_(a.value_field.with_type(item).with_nullable(nullable))
    if pa.types.is_decimal(a) and pa.types.is_decimal(b):
        return _wider_decimal(a, b)
    if pa.types.is_timestamp(a) and pa.types.is_timestamp(b) and a.tz == b.tz:
        return max(a, b, key=lambda t: _UNITS.index(t.unit))
    return _wider_width(a, b)


class Clash(NamedTuple):
    """A column on which two schemas disagree."""

    column: str
    """The name in the first schema."""
    other: str
    """The name in the second schema. If the names are equal, the types are the conflict."""


def unify(first: pa.Schema, second: pa.Schema) -> tuple[pa.Schema, Clash | None]:
    """The unified schema, and the first conflict or None. The columns are the first schema's in their order, then those
    that only the second has; a column that one schema lacks is nullable.

    It is a conflict if no type holds both without loss, or if two names differ only in case: whether they mean the same
    column cannot be known."""
    import pyarrow as pa

    own = {field.name: field for field in second}
    if respelled := other_case(first.names, second.names):
        return first, Clash(*respelled)
    fields = []
    for field in first:
        other = own.pop(field.name, None)
        type_ = field.type if other is None else wider(field.type, other.type)
        if type_ is None:
            return first, Clash(field.name, field.name)
        known = field.metadata or (other.metadata if other is not None else None)
        nullable = field.nullable or other is None or other.nullable
        fields.append(field.with_type(type_).with_nullable(nullable).with_metadata(known))
    fields += [field.with_nullable(True) for field in own.values()]  # noqa: FBT003 - pyarrow's own signature
    return pa.schema(fields), None


def other_case(first: Iterable[str], second: Iterable[str]) -> tuple[str, str] | None:
    """A name that only the first has and a name that only the second has, if they differ only in case. If one schema
    has both names, they are two columns."""
    mine, theirs = dict.fromkeys(first), dict.fromkeys(second)
    others = {fold(name): name for name in theirs if name not in mine}
    for name in mine if others else ():
        if name not in theirs and fold(name) in others:
            return name, others[fold(name)]
    return None


def _wider_struct(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    import pyarrow as pa

    both, clash = unify(pa.schema(list(a)), pa.schema(list(b)))
    return None if clash else pa.struct(list(both))


def _wider_decimal(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    import pyarrow as pa

    # Keep all digits on both sides of the decimal point.
    scale = max(a.scale, b.scale)
    precision = max(a.precision - a.scale, b.precision - b.scale) + scale
    if precision > 76:
        return None
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def _wider_width(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    for widths in _WIDTHS.values():
        if str(a) in widths and str(b) in widths:
            return max(a, b, key=lambda t: widths.index(str(t)))
    return None
