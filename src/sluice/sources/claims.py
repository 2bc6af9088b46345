"""Checks what a Parquet footer claims against the bytes of its file, before anything is sized by the claim.

A page can repeat one value two billion times, so no number of rows is impossible by itself. A count that is large for
the file's size is verified page by page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sluice.model.thrift import Struct, read_struct

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

EXPANSION = 1_000_000
"""Default for the largest allowed ratio of decompressed size to file size."""
_ROWS_A_BYTE = 8
"""Up to this many rows per byte of the file, a count is accepted unchecked: one bit per row."""
_HEADER = 64 * 1024
_SIZE, _VALUES = 3, 1
_V1, _V2 = 5, 8
"""Field numbers in a page header (parquet.thrift): the compressed size, and the structs of data pages of version 1 and
2. In both structs, field 1 is the number of values."""


def mistaken(metadata: pq.FileMetaData, size: int, stream: pa.NativeFile) -> str | None:
    """Which claim of the footer is false for a file of `size` bytes. None if there is none."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    rows = [group.num_rows for group in groups]
    if min(rows, default=0) < 0 or sum(rows) != metadata.num_rows:
        return f"it claims {metadata.num_rows:,} rows, but its row groups claim {sum(rows):,}"
    for number, group in enumerate(groups):
        if group.num_rows > _ROWS_A_BYTE * size or group.total_byte_size < 0:
            held = _held(group, size, stream)
            if held < group.num_rows:
                return f"row group {number} claims {group.num_rows:,} rows, but its pages hold {max(held, 0):,}"
    return None


def expanded(metadata: pq.FileMetaData) -> int:
    """The file's decompressed size in bytes. Every value counts as one byte at least."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    return sum(max(group.total_byte_size, group.num_rows * group.num_columns) for group in groups)


def _held(group: Any, size: int, stream: pa.NativeFile) -> int:
    """The number of values in the group's first column, according to its page headers. -1 if there are no readable
    pages."""
    chunk = group.column(0) if group.num_columns else None
    if chunk is None:
        return -1
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    if not 0 < start <= start + chunk.total_compressed_size <= size:
        return -1
    try:
        return sum(_pages(stream, start, start + chunk.total_compressed_size))
    except (IndexError, KeyError, TypeError, ValueError):
        return -1


def _pages(stream: pa.NativeFile, at: int, end: int) -> Iterator[int]:
    while at < end:
        header, length = read_struct(bytes(stream.read_at(min(_HEADER, end - at), at)), 0)
        body = header[_SIZE][1]
        if body < 0:
            raise ValueError(body)
        yield _values(header)
        at += length + body  # skips the page itself: only headers are read


def _values(header: Struct) -> int:
    kind = next((kind for kind in (_V1, _V2) if kind in header), None)
    return int(header[kind][1][_VALUES][1]) if kind else 0
