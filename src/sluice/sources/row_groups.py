"""Row groups of an opened Parquet file as tables: what reading them takes, and the way that is fastest within it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sluice.foreign import said
from sluice.memory import Budget
from sluice.model.weight import split, weight
from sluice.sources.local_groups import read_group

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_ROWS = 150_000
"""Rows that are decoded at once where they are small enough; others come as a stream."""
_PAGE, _CHECKED = 2**20, 1024
"""Writers end a page at so many bytes, and look whether it has them after so many values."""
_DICTIONARY, _INDEX = 2 * 2**20, 4
"""Bytes of a dictionary and of a place in it, at most: writers give up one that grows beyond 1 MiB."""
_READER = 64 * 1024
"""Bytes of a stream's reader of one column, whatever is in it."""
_CHUNKS = 20_000
"""Column chunks that are looked at one by one; of more, the row groups' own sums have to do."""
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 8}
_WIDEST = 16
"""Bytes of a value of the other types: a view."""


class UnsoundError(ValueError):
    """The decoder gave something else than the column is. The text quotes no value."""


class Extent(NamedTuple):
    """What some columns of some row groups take."""

    rows: int
    decoded: int
    """Bytes of all rows."""
    pages: int
    """Bytes of the pages that a stream of them has open."""
    readers: int
    """Bytes of that stream's readers."""

    def whole(self, budget: Budget) -> bool:
        """Whether they are decoded at once: what is small, and what a stream's readers alone would take as much for."""
        return self.rows <= _ROWS and self.decoded <= max(budget.whole, self.readers)

    def table(self, budget: Budget) -> int:
        """Bytes of the tables that they are handed on in: a share of what is decoded at once, if that is more."""
        return max(budget.table, self.decoded // 16) if self.whole(budget) else budget.table

    def cost(self, budget: Budget) -> int:
        """Bytes that reading them takes, and what is made of them until they are sent."""
        return budget.cost(self.decoded if self.whole(budget) else self.pages + self.readers + budget.table)


def extent_of(metadata: pq.FileMetaData, groups: range, columns: Sequence[str] | None) -> Extent:
    """What reading takes, by the footer. A text that is stored once and named often weighs as little here as there:
    it is decoded to its names, and written out a table at a time."""
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
            page = min(size, max(_PAGE, _CHECKED * size // max(chunk.num_values, 1)))
            pages += page + page * min(packed, size) // max(size, 1) + chunk.has_dictionary_page * min(size, _PAGE)
    return Extent(rows, decoded, pages, _READER * len(leaves))


def dictionaries(metadata: pq.FileMetaData) -> list[str]:
    """The paths of the columns whose text may be stored once and named often: read as they are stored, they take no
    more memory than that."""
    found: dict[str, bool] = {}
    columns = range(metadata.num_columns)
    for number in range(min(metadata.num_row_groups, max(1, _CHUNKS // max(metadata.num_columns, 1)))):
        group = metadata.row_group(number)
        for chunk in map(group.column, columns):
            if chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page:
                # A chunk beyond this has values outside its dictionary too, for which the reader would make one.
                within = chunk.total_uncompressed_size <= _DICTIONARY + _INDEX * chunk.num_values
                found[chunk.path_in_schema] = found.get(chunk.path_in_schema, True) and within
    return [path for path, within in found.items() if within]


class RowGroups:
    """One opened file, for one thread."""

    def __init__(self, file: pq.ParquetFile, size: int, fast: str | None, starts: Sequence[int]) -> None:
        self.file = file
        self.size = size
        """Of the file, in bytes."""
        self._fast = fast
        """Where it is, if the faster decoder reads it."""
        self._starts = starts
        """The rows before each row group."""
        self._names = frozenset(file.schema_arrow.names)

    def close(self) -> None:
        self.file.close(force=True)

    def present(self, columns: Sequence[str] | None) -> list[str] | None:
        """Those of the columns that the file has."""
        return None if columns is None else [name for name in columns if name in self._names]

    def broken(self, groups: range, columns: Sequence[str] | None) -> int:
        """The first of the row groups that cannot be read by itself."""
        for number in groups[:-1]:
            try:
                for batch in self.file.iter_batches(64, row_groups=[number], columns=columns, use_threads=False):
                    batch.validate(full=True)
            except (OSError, ValueError):
                return number
        return groups[-1]

    def tables(
        self, groups: range, columns: Sequence[str] | None, extent: Extent, budget: Budget
    ) -> Iterator[tuple[pa.Table, int]]:
        """The rows in tables of bounded size, in the file's own types, each with the bytes of all rows up to then."""
        held = 0
        for table in self._decoded(groups, columns, extent, budget):
            size = weight(table)
            held += size
            for part in split(_whole_rows(table, columns), extent.table(budget), size):
                yield _written_out(part), held

    def _decoded(
        self, groups: range, columns: Sequence[str] | None, extent: Extent, budget: Budget
    ) -> Iterator[pa.Table]:
        import pyarrow as pa

        if extent.whole(budget):
            yield self._at_once(groups, extent.rows, columns)
            return
        rows = max(1, min(65_536, budget.table * extent.rows // max(extent.decoded, 1)))
        for batch in self.file.iter_batches(rows, row_groups=list(groups), columns=columns, use_threads=False):
            yield _sound(pa.Table.from_batches([batch]))

    def _at_once(self, groups: range, rows: int, columns: Sequence[str] | None) -> pa.Table:
        if columns != [] and self._fast is not None:
            fast = read_group(self._fast, self._starts[groups[0]], rows, columns)
            if fast is not None:
                return fast
        return _sound(self.file.read_row_groups(list(groups), columns=columns, use_threads=False))


def _leaves(metadata: pq.FileMetaData, columns: Sequence[str] | None) -> list[int]:
    """The numbers of the columns' leaves. A path has points between its names, which may have points too."""
    everything = range(metadata.num_columns)
    if columns is None:
        return list(everything)
    wanted = frozenset(columns)

    def meant(path: str) -> bool:
        names = path.split(".")
        return any(".".join(names[:count]) in wanted for count in range(1, len(names) + 1))

    return [number for number in everything if meant(metadata.schema.column(number).path)]


def _whole_rows(table: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    """The table, if the decoder gave every column that it was asked for: what is missing would be taken for null."""
    if missing := set(columns or ()).difference(table.column_names):
        raise UnsoundError(f"column {min(missing)!r} was not decoded")
    return table


def _sound(table: pa.Table) -> pa.Table:
    """The table, once its values are known to be what their types say: text is UTF-8, offsets lie within."""
    for column, name in zip(table.columns, table.column_names, strict=True):
        try:
            column.validate(full=True)
        except ValueError as error:
            raise UnsoundError(f"column {name!r}: {said(error)}") from error
    return table


def _written_out(table: pa.Table) -> pa.Table:
    """The same rows with every value in its place, as far as they name values of a dictionary."""
    import pyarrow as pa

    if not any(pa.types.is_dictionary(kind) for kind in table.schema.types):
        return table
    columns: list[Any] = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)
