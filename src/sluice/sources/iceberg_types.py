"""Maps the Arrow types that pyiceberg returns to those that the files hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def small(type_: pa.DataType) -> pa.DataType:
    """Replace pyiceberg's large types (64-bit offsets) by the ordinary types that files hold."""
    import pyarrow as pa

    if pa.types.is_struct(type_):
        return pa.struct([f.with_type(small(f.type)) for f in type_])
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return pa.list_(type_.value_field.with_type(small(type_.value_type)))
    if pa.types.is_map(type_):
        return pa.map_(small(type_.key_type), type_.item_field.with_type(small(type_.item_type)))
    return {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}.get(type_, type_)


def has_structs_in_lists(type_: pa.DataType) -> bool:
    """Whether the type contains a list or map of structs, at any level."""
    import pyarrow as pa

    if pa.types.is_struct(type_):
        return any(has_structs_in_lists(field.type) for field in type_)
    if pa.types.is_map(type_):
        return bool(pa.types.is_struct(type_.item_type)) or has_structs_in_lists(type_.item_type)
    if pa.types.is_list(type_):
        return bool(pa.types.is_struct(type_.value_type)) or has_structs_in_lists(type_.value_type)
    return False
