"""Row groups of local Parquet files, decoded by Polars. It takes half the time of pyarrow, and validates text.

Polars only reads the types allowed here. pyarrow reads everything else, and everything that Polars fails on, so that
errors are pyarrow's. Files whose pages carry checksums are left to pyarrow, which verifies them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from sluice.model.weight import weight

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sluice.sources.row_set import Numbers

_MOST_CHUNKS = 20_000
"""Largest number of column chunks. Polars parses the footer again for every row group, which takes a few milliseconds
for this many chunks."""
_BEFORE = 3
"""Integers at the start of every page header: its type and two sizes. A checksum would be the fourth."""
_NEXT_INTEGER = 0x15
"""A field header in Thrift's compact protocol: an i32 whose field number is one more than the previous one."""


def is_fast(metadata: pq.FileMetaData, types: Iterable[pa.DataType], path: str) -> bool:
    """Whether Polars reads the file's rows, as columns of these types, exactly as pyarrow does."""
    # Polars reads INT96 in nanoseconds, which cannot represent all of its years.
    columns = [metadata.schema.column(i) for i in range(metadata.num_columns)]
    return (
        metadata.num_row_groups * metadata.num_columns <= _MOST_CHUNKS
        and all(_is_same(kind) for kind in types)
        and not any(column.physical_type == "INT96" for column in columns)
        and not _has_checksums(metadata, path)
    )


def read_group(
    path: str, first: int, rows: int, columns: Sequence[str] | None, wanted: Numbers | None = None
) -> tuple[pa.Table, int] | None:
    """The rows from `first` up to `first + rows` of a file, or those of them with the numbers `wanted`, counted from
    `first`; and the bytes of all of them. Text and lists are in Polars' layouts. None if Polars cannot read them."""
    import polars as pl

    scan = pl.scan_parquet(path, glob=False, hive_partitioning=False, parallel="none", use_statistics=False)
    frame: pl.DataFrame | None = None
    with suppress(pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        # `by_name`, because `select` treats a name such as `^a.*$` or `*` as a pattern.
        frame = (
            (scan if columns is None else scan.select(pl.selectors.by_name(*columns)))
            .slice(first, rows)
            .collect(engine="streaming")
        )
    if frame is None or frame.height != rows:
        return None
    whole = frame.to_arrow(compat_level=pl.CompatLevel.newest())
    table = whole if wanted is None else frame[wanted].to_arrow(compat_level=pl.CompatLevel.newest())
    return table, weight(whole)


def _is_same(kind: pa.DataType) -> bool:
    import pyarrow as pa

    is_a = pa.types
    if is_a.is_struct(kind):
        return kind.num_fields > 0 and all(_is_same(field.type) for field in kind)
    if is_a.is_list(kind) or is_a.is_large_list(kind):
        return _is_same(kind.value_type)
    if is_a.is_timestamp(kind):
        return kind.tz in (None, "UTC")
    if is_a.is_decimal128(kind):
        return bool(kind.scale >= 0)
    simple = (is_a.is_integer, is_a.is_float32, is_a.is_float64, is_a.is_boolean, is_a.is_date32, is_a.is_string,
              is_a.is_large_string, is_a.is_binary, is_a.is_large_binary)  # fmt: skip
    return any(test(kind) for test in simple)


def _has_checksums(metadata: pq.FileMetaData, path: str) -> bool:
    """Whether the file's pages have checksums. Checks the first page: writers add them to all pages or to none.

    pyarrow does not expose page headers, so this skips three varints of the Thrift struct by hand."""
    chunk = metadata.row_group(0).column(0)
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    with open(path, "rb") as file:  # noqa: PTH123 - the path is the filesystem's own
        file.seek(start)
        header = file.read(64)
    position = 0
    for _ in range(_BEFORE):
        if header[position : position + 1] != bytes([_NEXT_INTEGER]):
            return True  # not the expected header: leave the file to pyarrow
        position += 1
        while header[position] & 0x80:
            position += 1
        position += 1
    return header[position] == _NEXT_INTEGER
