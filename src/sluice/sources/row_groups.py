"""Reads row groups of an opened Parquet file as tables: how much memory that needs, and the fastest way within it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sluice.foreign import said
from sluice.memory import Budget
from sluice.model.layout import as_numpy, has_views, numbers
from sluice.model.weight import split, weight
from sluice.sources.local_groups import read_group

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sluice.sources.row_set import Numbers

_ROWS = 150_000
"""Up to this many rows are decoded in one go, if they are small enough. More rows are streamed."""
_PAGE, _CHECKED = 2**20, 1024
"""Writers end a page at this many bytes, and check its size after this many values."""
_DICTIONARY, _INDEX = 2 * 2**20, 4
"""Maximum bytes of a dictionary and of an index into it. Writers give up a dictionary that grows beyond 1 MiB."""
_READER = 64 * 1024
"""Bytes that a stream needs per column, whatever the column holds."""
_CHUNKS = 20_000
"""Up to this many column chunks are checked one by one. Beyond that, the totals of the row groups must do."""
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 8}
_WIDEST = 16
"""Bytes per value of all other types: the size of an Arrow view."""


class UnsoundError(ValueError):
    """The decoder returned something that does not match the column. The text quotes no value."""


class Extent(NamedTuple):
    """The memory that some columns of some row groups need."""

    rows: int
    decoded: int
    """Bytes of all rows once decoded."""
    pages: int
    """Bytes of the pages that a stream holds open."""
    readers: int
    """Bytes of the stream's column readers."""

    def whole(self, budget: Budget) -> bool:
        """Whether to decode all rows in one go: if they are small, or no larger than the readers of a stream would
        be."""
        return self.rows <= _ROWS and self.decoded <= max(budget.whole, self.readers)

    def table(self, budget: Budget) -> int:
        """Bytes of the tables to yield. After decoding in one go, at least a sixteenth of the rows, so that there are
        few tables."""
        return max(budget.table, self.decoded // 16) if self.whole(budget) else budget.table

    def cost(self, budget: Budget) -> int:
        """Bytes needed to read the rows and to process them until they are sent."""
        return budget.cost(self.decoded if self.whole(budget) else self.pages + self.readers + budget.table)


def extent_of(metadata: pq.FileMetaData, groups: range, columns: Sequence[str] | None) -> Extent:
    """The memory that reading needs, estimated from the footer. Dictionary-encoded text counts with its encoded size,
    because it stays encoded after decoding and is expanded one table at a time."""
    rows = decoded = pages = 0
    leaves = _leaves(metadata, columns)
    for number in groups:
        group = metadata.row_group(number)
        rows += group.num_rows
        if len(groups) * len(leaves) > _CHUNKS:
            decoded += max(group.total_byte_size, 0)
            continue
        for chunk in map(group.column, leaves):
            size, packed = max(chunk.total_uncompressed_size, 0), max(chunk.total_compressed_size, 0)
            decoded += max(size, chunk.num_values * _WIDTHS.get(chunk.physical_type, _WIDEST))
            # A page may exceed `_PAGE` by the values between two size checks. It is held compressed and decompressed.
            page = min(size, max(_PAGE, _CHECKED * size // max(chunk.num_values, 1)))
            pages += page + page * min(packed, size) // max(size, 1) + chunk.has_dictionary_page * min(size, _PAGE)
    return Extent(rows, decoded, pages, _READER * len(leaves))


def dictionaries(metadata: pq.FileMetaData) -> list[str]:
    """The paths of text columns that use a dictionary in every row group. Reading them as dictionaries needs no more
    memory than their encoded size."""
    found: dict[str, bool] = {}
    columns = range(metadata.num_columns)
    for number in range(min(metadata.num_row_groups, max(1, _CHUNKS // max(metadata.num_columns, 1)))):
        group = metadata.row_group(number)
        for chunk in map(group.column, columns):
            if chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page:
                # A larger chunk also has plain values outside its dictionary, and the reader would build one for them.
                within = chunk.total_uncompressed_size <= _DICTIONARY + _INDEX * chunk.num_values
                found[chunk.path_in_schema] = found.get(chunk.path_in_schema, True) and within
    return [path for path, within in found.items() if within]


class RowGroups:
    """One opened file. For use by one thread."""

    def __init__(self, file: pq.ParquetFile, size: int, fast: str | None, starts: Sequence[int]) -> None:
        self.file = file
        self.size = size
        """The file size in bytes."""
        self._fast = fast
        """The file's path if the faster decoder can read it, else None."""
        self._starts = starts
        """For each row group, the number of rows before it."""
        self._names = frozenset(file.schema_arrow.names)

    def close(self) -> None:
        self.file.close(force=True)

    def present(self, columns: Sequence[str] | None) -> list[str] | None:
        """The given columns that the file has. None stands for all columns."""
        return None if columns is None else [name for name in columns if name in self._names]

    def broken(self, groups: range, columns: Sequence[str] | None) -> int:
        """The first of the row groups that cannot be read on its own, for the error message."""
        for number in groups[:-1]:
            try:
                for batch in self.file.iter_batches(64, row_groups=[number], columns=columns, use_threads=False):
                    batch.validate(full=True)
            except (OSError, ValueError):
                return number
        return groups[-1]

    def tables(
        self,
        groups: range,
        columns: Sequence[str] | None,
        extent: Extent,
        budget: Budget,
        rows: pa.Array | None = None,
    ) -> Iterator[tuple[pa.Table, int]]:
        """The rows as tables of bounded size in the file's own types, each with the total bytes decoded so far. `rows`
        selects some of them, by ascending row numbers; then a table may be empty."""
        held = 0
        for table, size in self._decoded(groups, columns, extent, budget, None if rows is None else as_numpy(rows)):
            held += size
            for part in split(_whole_rows(table, columns), extent.table(budget), size if rows is None else None):
                yield _written_out(part), held

    def _decoded(
        self, groups: range, columns: Sequence[str] | None, extent: Extent, budget: Budget, wanted: Numbers | None
    ) -> Iterator[tuple[pa.Table, int]]:
        """The wanted rows, each table with the bytes of all rows that were decoded for it."""
        if extent.whole(budget):
            if columns != [] and self._fast is not None:  # Polars loses the row count if there are no columns
                fast = read_group(self._fast, self._starts[groups[0]], extent.rows, columns, wanted)
                if fast is not None:
                    yield fast
                    return
            tables = iter([self.file.read_row_groups(list(groups), columns=columns, use_threads=False)])
        else:
            tables = self._streamed(groups, columns, extent, budget)
        start = 0
        for table in map(_sound, tables):
            yield table if wanted is None else _those_of(table, start, wanted), weight(table)
            start += table.num_rows

    def _streamed(
        self, groups: range, columns: Sequence[str] | None, extent: Extent, budget: Budget
    ) -> Iterator[pa.Table]:
        import pyarrow as pa

        rows = max(1, min(65_536, budget.table * extent.rows // max(extent.decoded, 1)))
        # No threads of Arrow's own: the process reads many slices in parallel already.
        for batch in self.file.iter_batches(rows, row_groups=list(groups), columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch])


def _leaves(metadata: pq.FileMetaData, columns: Sequence[str] | None) -> list[int]:
    """The leaf numbers of the columns. A path joins names with dots, and the names may contain dots too, so every
    prefix is compared."""
    everything = range(metadata.num_columns)
    if columns is None:
        return list(everything)
    wanted = frozenset(columns)

    def selected(path: str) -> bool:
        names = path.split(".")
        return any(".".join(names[:count]) in wanted for count in range(1, len(names) + 1))

    return [number for number in everything if selected(metadata.schema.column(number).path)]


def _those_of(table: pa.Table, start: int, wanted: Numbers) -> pa.Table:
    """The wanted rows of a table whose first row has the number `start`."""
    import numpy as np

    low, high = np.searchsorted(wanted, (start, start + table.num_rows))
    return _rows_of(table, wanted[low:high] - np.uint32(start)) if high > low else table.slice(0, 0)


def _rows_of(table: pa.Table, wanted: Numbers) -> pa.Table:
    """These rows of a table. Arrow cannot take rows from view types, but Polars can."""
    import polars as pl

    if not any(has_views(kind) for kind in table.schema.types):
        return table.take(numbers(wanted))
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - for the type checker: a table becomes a frame
    return frame[wanted].to_arrow(compat_level=pl.CompatLevel.newest())


def _whole_rows(table: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    """The table, if the decoder returned every requested column. A missing one would otherwise read as null."""
    if missing := set(columns or ()).difference(table.column_names):
        raise UnsoundError(f"column {min(missing)!r} was not decoded")
    return table


def _sound(table: pa.Table) -> pa.Table:
    """The table, after a check that its values are valid for their types: text is UTF-8, offsets are in range."""
    for column, name in zip(table.columns, table.column_names, strict=True):
        try:
            column.validate(full=True)
        except ValueError as error:
            raise UnsoundError(f"column {name!r}: {said(error)}") from error
    return table


def _written_out(table: pa.Table) -> pa.Table:
    """The same rows with dictionary-encoded columns expanded."""
    import pyarrow as pa

    if not any(pa.types.is_dictionary(kind) for kind in table.schema.types):
        return table
    columns: list[Any] = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)
