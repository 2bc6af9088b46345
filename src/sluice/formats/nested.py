"""Converts the inner values of lists, structs and maps to plain types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.formats.base import Refused
from sluice.formats.plain import Convert, Rule

if TYPE_CHECKING:
    import pyarrow as pa


def nested(kind: pa.DataType, rule: Rule, keys: Rule) -> Convert | None:
    """The conversion of a nested type: inner values by `rule`, keys of maps by `keys`. None if the type is plain
    already. Raises `Refused`."""
    import pyarrow as pa

    is_a = pa.types
    if is_a.is_struct(kind):
        return _structs(kind, rule)
    if is_a.is_map(kind):
        return _maps(kind, keys(kind.key_type), rule(kind.item_type))
    if is_a.is_list_view(kind) or is_a.is_large_list_view(kind) or is_a.is_fixed_size_list(kind):
        # Polars does not support list views, and reads wrong rows from a sliced array of fixed-size lists.
        return _lists(rule(kind.value_type))
    if is_a.is_list(kind) or is_a.is_large_list(kind):
        inner = rule(kind.value_type)
        return _lists(inner) if inner else None
    raise Refused("it has no text form that readers agree on")


def is_nested(kind: pa.DataType) -> bool:
    """Whether values contain other values."""
    import pyarrow as pa

    return bool(pa.types.is_nested(kind)) and not isinstance(kind, pa.RunEndEncodedType)


def _structs(kind: pa.StructType, rule: Rule) -> Convert | None:
    import pyarrow as pa

    names = [field.name for field in kind]
    if len(set(names)) < len(names):
        raise Refused("two of its fields have the same name")
    inner = [rule(field.type) for field in kind]
    if not any(inner):
        return None

    def convert(values: pa.Array) -> pa.Array:
        parts = [step(part) if step else part for step, part in zip(inner, values.flatten(), strict=True)]
        return pa.StructArray.from_arrays(parts, names, mask=values.is_null())

    return convert


def _lists(inner: Convert | None) -> Convert:
    """Convert lists. Uses `flatten`, which returns only the values of a sliced array's own rows, not `values`, which
    returns those of the whole array."""

    def convert(values: pa.Array) -> pa.Array:
        import pyarrow as pa

        flat = values.flatten()
        return pa.LargeListArray.from_arrays(_offsets(values), inner(flat) if inner else flat, mask=values.is_null())

    return convert


def _maps(kind: pa.MapType, keys: Convert | None, inner: Convert | None) -> Convert | None:
    import pyarrow as pa

    if not keys and not inner:
        return None
    entry = pa.struct([("key", kind.key_type), ("value", kind.item_type)])

    def convert(values: pa.Array) -> pa.Array:
        entries = values.cast(pa.list_(entry))
        key, item = entries.flatten().flatten()
        offsets = _offsets(entries).cast(pa.int32())
        key, item = (keys(key) if keys else key), (inner(item) if inner else item)
        return pa.MapArray.from_arrays(offsets, key, item, mask=values.is_null())

    return convert


def _offsets(values: pa.Array) -> pa.Array:
    """Offsets that start at 0 and match flattened values. A null list has no values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = pc.cumulative_sum(pc.fill_null(pc.list_value_length(values), 0).cast(pa.int64()))
    return pa.concat_arrays([pa.array([0], pa.int64()), ends])
