"""The weight of rows: the bytes of their values, independent of their layout in memory. A text that is stored once and
referenced by a thousand rows counts a thousand times, because it is written that often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Weights: TypeAlias = "np.ndarray[Any, Any]"
"""The bytes of each row, as int64."""


def split(table: pa.Table, most: int, size: int | None = None) -> Iterator[pa.Table]:
    """Split the rows into tables of about `most` bytes each, at most twice that, without a copy. A larger row becomes a
    table on its own. `size` is the table's weight, if it is known."""
    size = weight(table) if size is None else size
    if table.num_rows < 2 or size <= most:
        yield table
        return
    rows = -(-table.num_rows // min(table.num_rows, -(-size // most)))
    for start in range(0, table.num_rows, rows):
        part = table.slice(start, rows)
        held = weight(part) if start + rows < table.num_rows else size
        size -= held
        yield from (part,) if held <= 2 * most else split(part, most, held)


def weight(table: pa.Table) -> int:
    """The bytes of all rows."""
    return sum(_sum(chunk) for column in table.columns for chunk in _chunks(column))


def weights(table: pa.Table) -> Weights:
    """The bytes of each row. Equal values have equal weights, independent of their layout and chunks."""
    import numpy as np

    found = np.zeros(table.num_rows, np.int64)
    for column in table.columns:
        start = 0
        for chunk in _chunks(column):
            found[start : start + len(chunk)] += _each(chunk)
            start += len(chunk)
    return found


def width(kind: pa.DataType) -> int | None:
    """The bytes of one value of a fixed-size type; None for other types."""
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:
        return None


def _chunks(column: pa.ChunkedArray) -> list[pa.Array]:
    """The chunks of a column. Those of a dictionary become one: each may hold the whole dictionary, so weighing each by
    itself would be quadratic in row groups."""
    import pyarrow as pa

    if column.num_chunks < 2 or not pa.types.is_dictionary(column.type):
        return list(column.chunks)
    combined = column.combine_chunks()
    return list(combined.chunks) if isinstance(combined, pa.ChunkedArray) else [combined]


def _sum(array: pa.Array) -> int:
    """The bytes of all values, where possible without those of each."""
    import numpy as np
    import pyarrow as pa

    kind, is_a = array.type, pa.types
    if (fixed := width(kind)) is not None and not is_a.is_dictionary(kind):
        return fixed * len(array)
    if is_a.is_struct(kind):
        return sum(_sum(array.field(number)) for number in range(kind.num_fields))
    if _is_list(kind) and len(array):
        first, last = (array.offsets[at].as_py() for at in (0, -1))
        return _sum(array.values.slice(first, last - first))
    if _has_offsets(kind) and len(array) and not array.null_count:
        ends = _offsets(array)
        return int(ends[-1]) - int(ends[0])
    if _is_view(kind) and not array.null_count:
        return int(_lengths(array).sum(dtype=np.int64))
    return int(_each(array).sum())


def _each(array: pa.Array) -> Weights:
    import numpy as np
    import pyarrow as pa

    kind, is_a = array.type, pa.types
    if isinstance(array, pa.ExtensionArray):
        return _each(array.storage)
    if is_a.is_dictionary(kind):
        of_values = np.append(_each(array.dictionary), 0)
        found: Weights = of_values[array.indices.cast(pa.int64()).fill_null(len(array.dictionary)).to_numpy()]
        return found
    if _is_view(kind):
        return _valid(array, _lengths(array).astype(np.int64))
    if _has_offsets(kind):
        return _valid(array, np.diff(_offsets(array)).astype(np.int64))
    if is_a.is_struct(kind):
        parts = [_each(array.field(number)) for number in range(kind.num_fields)]
        return sum(parts, np.zeros(len(array), np.int64))
    if _is_list(kind):
        return _of_lists(array)
    fixed = width(kind)
    return np.full(len(array), array.nbytes // max(1, len(array)) if fixed is None else fixed, np.int64)


def _lengths(array: pa.Array) -> Weights:
    """The lengths of text or bytes in view layout. A view has 16 bytes, and the first four are the length."""
    import numpy as np

    data = array.buffers()[1]
    if not len(array) or data is None:
        return np.zeros(len(array), np.int32)
    return np.frombuffer(data, np.int32)[4 * array.offset : 4 * (array.offset + len(array)) : 4]


def _valid(array: pa.Array, lengths: Weights) -> Weights:
    """The lengths, with 0 for nulls: the buffers may hold anything in their place."""
    import numpy as np

    return np.where(array.is_valid().to_numpy(zero_copy_only=False), lengths, 0) if array.null_count else lengths


def _of_lists(array: pa.Array) -> Weights:
    import numpy as np

    ends = array.offsets.to_numpy().astype(np.int64)
    if not len(array):
        return np.zeros(0, np.int64)
    first = int(ends[0])
    items = np.concatenate([[0], np.cumsum(_each(array.values.slice(first, int(ends[-1]) - first)))])
    return np.diff(items[ends - first])


def _has_offsets(kind: pa.DataType) -> bool:
    import pyarrow as pa

    is_a = pa.types
    tests = (is_a.is_string, is_a.is_binary, is_a.is_large_string, is_a.is_large_binary)
    return any(test(kind) for test in tests)


def _is_view(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string_view(kind) or pa.types.is_binary_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind))


def _offsets(array: pa.Array) -> Weights:
    import numpy as np
    import pyarrow as pa

    large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    data = array.buffers()[1]
    if data is None or not len(array):
        return np.zeros(len(array) + 1, np.int64)
    kind = np.int64 if large else np.int32
    return np.frombuffer(data, kind)[array.offset : array.offset + len(array) + 1]
