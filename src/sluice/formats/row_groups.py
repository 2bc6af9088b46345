"""Writes a Parquet file row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sluice.formats.base import declared
from sluice.formats.nested import is_nested
from sluice.formats.pages import GzippedPages
from sluice.formats.pieces import Pieces
from sluice.formats.plain import Convert
from sluice.formats.text import plain
from sluice.model.weight import weight, weights

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MOST_BYTES = 64 * 2**20
"""Maximum bytes of a row group. Independent of the memory budget, so that the same rows always make the same file."""
PAGE_ROWS, BATCH = 20_000, 4_000
"""Maximum rows of a page, and the rows that Arrow's writer encodes at once, after which it may end a page or give up a
dictionary. The first is a multiple of the second, so that in a column without lists every batch starts at a multiple of
`BATCH` in its row group."""
_SAMPLE, _FEW = 4_096, 0.95
"""A column gets a dictionary if at most this share of its first values is distinct. The sample has this many rows, or
an eighth of the row group if that is less."""


class RowGroups:
    """Encodes one Parquet file. The boundaries of row groups depend only on the rows, not on the tables in which they
    arrive: a group ends after `rows` rows, or with the row that brings it to `MOST_BYTES`."""

    def __init__(
        self,
        schema: pa.Schema,
        converts: Sequence[Convert | None],
        rows: int,
        options: dict[str, Any],
        sink: Pieces | GzippedPages,
    ) -> None:
        self._schema, self._converts, self._rows, self._options, self._sink = schema, converts, rows, options, sink
        self._batches: list[pa.Table] = []
        """The current row group in tables of whole batches."""
        self._rest: list[pa.Table] = []
        """Its rows after them: less than a batch."""
        self._count = self._bytes = 0
        self._writer: pq.ParquetWriter | None = None

    def __del__(self) -> None:
        # Arrow's writer, if it is abandoned in the middle of a file, writes the footer when it is collected, which is
        # after this. The sink must not take the footer for a page.
        self._sink.ends()

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        whole = plain(declared(table, self._schema, layout=True), self._schema, self._converts)
        for part, size in self._parts(whole):
            self._add(part)
            self._bytes += size
            if self._count >= self._rows or self._bytes >= MOST_BYTES:
                self._write(self._gathered())
                yield from self._sink.taken()

    def close(self) -> Iterator[bytes]:
        if self._count or self._writer is None:
            self._write(self._gathered() if self._count else self._empty())
            yield from self._sink.taken()
        assert self._writer is not None  # noqa: S101 - for the type checker: `_write` has made it
        self._sink.ends()
        self._writer.close()
        yield from self._sink.taken()

    def _parts(self, table: pa.Table) -> Iterator[tuple[pa.Table, int]]:
        """Cut the table at the boundaries of row groups. Yields each part with its bytes."""
        import numpy as np

        start, ends, left = 0, None, weight(table)
        # Weighing every row is slow, so do it only if the row group could reach its maximum size within this table.
        if self._bytes + left >= MOST_BYTES:
            ends = np.cumsum(weights(table))
        while start < table.num_rows:
            end = min(table.num_rows, start + self._rows - self._count)
            if ends is not None:
                # `+ 1`: the row that reaches the maximum still belongs to the group.
                before = int(ends[start - 1]) if start else 0
                end = min(end, int(np.searchsorted(ends, before + MOST_BYTES - self._bytes)) + 1)
            part = table.slice(start, end - start)
            size = weight(part) if end < table.num_rows else left
            yield part, size
            start, left = end, left - size

    def _add(self, part: pa.Table) -> None:
        """Add the rows, cut at whole batches. Only a batch with rows of several tables is copied."""
        missing = -self._count % BATCH
        self._count += part.num_rows
        if missing:
            self._rest.append(part.slice(0, missing))
            if part.num_rows < missing:
                return
            self._batches.append(_joined(self._rest))
            self._rest = []
        whole = (part.num_rows - missing) // BATCH * BATCH
        if whole:
            self._batches.append(part.slice(missing, whole))
        if missing + whole < part.num_rows:
            self._rest.append(part.slice(missing + whole))

    def _gathered(self) -> pa.Table:
        """The current row group as one table."""
        import pyarrow as pa

        rest = [_joined(self._rest)] if self._rest else []
        rows = pa.concat_tables([*self._batches, *rest])
        self._batches, self._rest, self._count, self._bytes = [], [], 0, 0
        return rows

    def _write(self, rows: pa.Table) -> None:
        writer = self._open(rows)
        if rows.num_rows:
            writer.write_table(_lists_joined(rows), row_group_size=self._rows)

    def _open(self, first: pa.Table) -> pq.ParquetWriter:
        import pyarrow.parquet as pq

        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._sink,
                first.schema,
                use_dictionary=_repetitive(first),
                write_batch_size=BATCH,
                max_rows_per_page=PAGE_ROWS,
                **self._options,
            )
        return self._writer

    def _empty(self) -> pa.Table:
        import pyarrow as pa

        arrays = [pa.nulls(0, kind) for kind in self._schema.types]
        converted = [step(array) if step else array for step, array in zip(self._converts, arrays, strict=True)]
        return pa.table(converted, names=self._schema.names)


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of some tables, copied into one array for each column."""
    import pyarrow as pa

    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).combine_chunks()


def _lists_joined(rows: pa.Table) -> pa.Table:
    """The rows with one array for each column of lists. Batches count the elements of lists, and an array starts a new
    one, so with several arrays the pages would depend on how the rows arrived."""
    import pyarrow as pa

    columns = [column.combine_chunks() if _has_lists(column.type) else column for column in rows.columns]
    return pa.table(columns, names=rows.column_names)


def _has_lists(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return _has_lists(kind.storage_type)
    if pa.types.is_struct(kind):
        return any(_has_lists(field.type) for field in kind)
    return is_nested(kind)


def _repetitive(rows: pa.Table) -> list[str]:
    """The Parquet paths of columns whose first values repeat. Only these benefit from a dictionary."""
    first = rows.slice(0, min(_SAMPLE, rows.num_rows // 8))
    return [
        path
        for name in rows.column_names
        for path, values in _leaves(name, first[name].combine_chunks())
        if _repeats(values)
    ]


def _repeats(values: pa.Array) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return len(pc.unique(values)) <= _FEW * len(values)
    except pa.ArrowNotImplementedError:  # narrow decimals; the writer drops a dictionary that grows too large anyway
        return True


def _leaves(path: str, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    import pyarrow as pa

    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        yield from _leaves(path, values.storage)
    elif pa.types.is_struct(kind):
        for field, part in zip(kind, values.flatten(), strict=True):
            yield from _leaves(f"{path}.{field.name}", part)
    elif pa.types.is_map(kind):
        entries = values.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
        yield from _leaves(f"{path}.key_value", entries.flatten())
    elif is_nested(kind):
        yield from _leaves(f"{path}.list.element", values.flatten())
    elif not pa.types.is_null(kind):
        yield path, values
