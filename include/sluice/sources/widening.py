"""One schema for files written at different times: which differences between their types lose nothing.

The rule is stricter than Arrow's own promotion, which would make a number of text or round an integer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """The type that rows travel in: dictionaries and views are an encoding, not a type, so what they hold stands.
    Arrow cannot take rows out of a column of views. Of extension types only UUID stays: formats know it."""
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
    """The type that holds every value of both, or None where there is none without loss."""
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


def unify(first: pa.Schema, second: pa.Schema) -> tuple[pa.Schema, str | None]:
    """The schema of both: the first's columns in their order, then the second's own, null where a file has none.
    The name of the first column whose types do not go together, or None."""
    import pyarrow as pa

    fields = []
    for field in first:
        index = second.get_field_index(field.name)
        if index < 0:
            fields.append(field.with_nullable(True))  # noqa: FBT003 - pyarrow's own signature
            continue
        other = second.field(index)
        type_ = wider(field.type, other.type)
        if type_ is None:
            return first, field.name
        known = field.metadata or other.metadata
        fields.append(field.with_type(type_).with_nullable(field.nullable or other.nullable).with_metadata(known))
    fields += [f.with_nullable(True) for f in second if first.get_field_index(f.name) < 0]  # noqa: FBT003
    return pa.schema(fields), None


def _wider_struct(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    import pyarrow as pa

    both, clash = unify(pa.schema(list(a)), pa.schema(list(b)))
    return None if clash else pa.struct(list(both))


def _wider_decimal(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    import pyarrow as pa

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
