"""Arrow's layouts: text, bytes and lists can hold the same values in different arrangements of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


def same_values(kind: pa.DataType, other: pa.DataType) -> bool:
    """Whether two types differ at most in their layout: views, large offsets, or the name of a list's items."""
    import pyarrow as pa

    is_a = pa.types
    if kind.equals(other):
        return True
    if is_a.is_struct(kind) and is_a.is_struct(other):
        pairs = zip(kind, other, strict=False)
        same = all(mine.name == theirs.name and same_values(mine.type, theirs.type) for mine, theirs in pairs)
        return same and kind.num_fields == other.num_fields
    if _is_list(kind) and _is_list(other):
        return same_values(kind.value_type, other.value_type)
    return (_is_text(kind) and _is_text(other)) or (_is_bytes(kind) and _is_bytes(other))


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def has_views(kind: pa.DataType) -> bool:
    """Whether the type contains text or bytes as views. Arrow can store and pass on views, but cannot `take` their
    rows."""
    import pyarrow as pa

    inner = [field.type for field in kind] if pa.types.is_nested(kind) else []
    return bool(pa.types.is_string_view(kind) or pa.types.is_binary_view(kind)) or any(map(has_views, inner))


def numbers(values: np.ndarray) -> pa.Array:
    """Convert numbers to Arrow without a copy. `pa.array` does the same, but imports pandas: a third of a second."""
    import numpy as np
    import pyarrow as pa

    whole = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(whole.dtype), len(whole), [None, pa.py_buffer(whole)])


def as_numpy(array: pa.Array) -> np.ndarray:
    """Convert numbers without nulls to numpy without a copy, and without pandas, which `to_numpy` imports."""
    import numpy as np

    return np.from_dlpack(array)


def whole_numbers(array: pa.Array) -> tuple[np.ndarray, np.ndarray | None]:
    """The whole numbers of an array without a copy, and which of them are valid; None if all are. In place of a null,
    the number is arbitrary."""
    import numpy as np

    if not array.null_count:
        return as_numpy(array), None
    validity, values = array.buffers()
    kind, start, end = np.dtype(str(array.type)), array.offset, array.offset + len(array)
    found = np.frombuffer(values, kind, len(array), start * kind.itemsize)
    bits = np.frombuffer(validity, np.uint8)[start >> 3 : -(-end // 8)]
    return found, np.unpackbits(bits, bitorder="little")[start & 7 :][: len(array)].view(bool)
