"""A digest of each row that does not depend on the version of an engine: MD5 over a canonical form of its values.

The form of a row is a head of fixed length, followed by the bytes of values of variable length. The head starts with a
digest of the columns' names and types. Then, for each value in order: one byte that is 1 if the value is not null, and
the value as Arrow stores it (little-endian), or its length. A struct is its fields; a list is its length and the form
of each item. Two rows have the same form exactly if they are delivered as the same values: all `NaN` are equal, 0.0 and
-0.0 differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NAME = "md5 of rows, form 1"
"""Stored with the digests. Change the name whenever the form changes."""
SQL = "('0x' || left(md5(form), 16))::ubigint"
"""The SQL expression of a form's digest: 64 bits of its MD5."""

Bytes: TypeAlias = "np.ndarray[Any, Any]"
"""A two-dimensional array: one row of bytes for each row of data."""


def forms(table: pa.Table) -> Iterator[pa.Array]:
    """The canonical form of each row, one array for each batch of the table."""
    lead = hashlib.md5(
        repr([(f.name, _spelled(f.type)) for f in table.schema]).encode(), usedforsecurity=False
    ).digest()
    for batch in table.to_batches():
        yield _form(batch.columns, batch.num_rows, lead)


def _form(columns: Sequence[pa.Array], rows: int, lead: bytes = b"") -> pa.Array:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    head = [np.broadcast_to(np.frombuffer(lead, np.uint8), (rows, len(lead)))]
    rest: list[pa.Array] = []
    for column in columns:
        _take_apart(column, head, rest)
    width = sum(part.shape[1] for part in head)
    packed = np.concatenate(
        head, axis=1, out=np.empty((rows, width), np.uint8)
    )  # in row order, whatever the layout of the parts
    offsets = pa.py_buffer(np.arange(rows + 1, dtype=np.int64) * width)
    heads = pa.Array.from_buffers(pa.large_binary(), rows, [None, offsets, pa.py_buffer(packed)])
    if not rest:
        return heads
    return pc.binary_join_element_wise(
        heads, *rest, pa.scalar(b"", pa.large_binary()), null_handling="replace", null_replacement=b""
    )


def _take_apart(column: pa.Array, head: list[Bytes], rest: list[pa.Array]) -> None:
    """Append the column's bytes of fixed length to `head`, and those of variable length to `rest`."""
    import numpy as np
    import pyarrow as pa

    column = _plain(column)
    kind = column.type
    present = column.is_valid().to_numpy(zero_copy_only=False)
    head.append(present.astype(np.uint8)[:, None])
    if pa.types.is_struct(kind):
        for child in column.flatten():
            _take_apart(child, head, rest)
    elif pa.types.is_large_binary(kind):
        head.append(_lengths(column))
        rest.append(column)
    elif pa.types.is_large_list(kind):
        head.append(_lengths(column))
        rest.append(_items(column))
    elif not pa.types.is_null(kind):
        head.append(np.where(present[:, None], _stored(column), np.uint8(0)))


def _plain(column: pa.Array) -> pa.Array:
    """The same values in the canonical layout of their type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        return _plain(column.storage)
    if pa.types.is_dictionary(kind):
        return _plain(column.dictionary_decode())
    if _is_text(kind):
        return column.cast(pa.large_string()).cast(pa.large_binary())
    if pa.types.is_binary(kind) or pa.types.is_binary_view(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_map(kind):
        items = pa.StructArray.from_arrays([column.keys, column.items], ["key", "value"])
        return _list(pc.subtract(column.offsets[1:], column.offsets[:-1]), items, column)
    if _is_list(kind):
        return _list(pc.list_value_length(column), pc.list_flatten(column), column)
    return column


def _list(lengths: pa.Array, items: pa.Array, column: pa.Array) -> pa.Array:
    """Lists of these lengths, null where the column is null."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = np.cumsum(pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False), dtype=np.int64)
    offsets = pa.array(np.concatenate([np.zeros(1, np.int64), ends]))
    return pa.LargeListArray.from_arrays(offsets, items, mask=column.is_null())


def _lengths(column: pa.Array) -> Bytes:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    measure = pc.list_value_length if pa.types.is_large_list(column.type) else pc.binary_length
    lengths: Bytes = pc.fill_null(measure(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths.view(np.uint8).reshape(len(column), 8)


def _items(column: pa.Array) -> pa.Array:
    """The concatenated forms of each list's items. They are adjacent in memory, so only new offsets are needed."""
    import numpy as np
    import pyarrow as pa

    forms = _form([column.values], len(column.values))
    ends = np.frombuffer(forms.buffers()[1], np.int64)
    offsets = ends[column.offsets.to_numpy()]
    return pa.Array.from_buffers(pa.large_binary(), len(column), [None, pa.py_buffer(offsets), forms.buffers()[2]])


def _stored(column: pa.Array) -> Bytes:
    """The bytes of fixed-length values as stored in memory, with one bit pattern for every `NaN`."""
    import numpy as np
    import pyarrow as pa

    rows, kind = len(column), column.type
    if pa.types.is_boolean(kind):
        truths: Bytes = column.fill_null(False).to_numpy(zero_copy_only=False)  # noqa: FBT003 - pyarrow's own signature
        return truths.astype(np.uint8)[:, None]
    if pa.types.is_floating(kind):
        floats: Bytes = column.to_numpy(zero_copy_only=False).astype(f"<f{kind.bit_width // 8}")
        floats[np.isnan(floats)] = np.nan
        return floats.view(np.uint8).reshape(rows, -1) if rows else np.zeros((0, 1), np.uint8)
    width = kind.byte_width
    data = column.buffers()[1]
    if not rows or data is None:
        return np.zeros((rows, width), np.uint8)
    return np.frombuffer(data, np.uint8, rows * width, column.offset * width).reshape(rows, width)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def _spelled(kind: pa.DataType) -> str:
    """The type's name. All layouts of one logical type have the same name; other types have Arrow's."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return _spelled(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _spelled(kind.value_type)
    if pa.types.is_struct(kind):
        return f"struct({', '.join(f'{field.name!r} {_spelled(field.type)}' for field in kind)})"
    if pa.types.is_map(kind):
        return f"map({_spelled(kind.key_type)}, {_spelled(kind.item_type)})"
    if _is_list(kind):
        return f"list({_spelled(kind.value_type)})"
    if _is_text(kind):
        return "text"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return "bytes"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.bit_width}, {kind.precision}, {kind.scale})"
    if pa.types.is_timestamp(kind):
        return f"timestamp({kind.unit}, {kind.tz})"
    return str(kind)
