"""The key columns of a feed's rows as a stream for the engine, each row with its ordinal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sluice.delivery.rows.reading import each_slice
from sluice.errors import FatalError, SluiceError
from sluice.foreign import said
from sluice.mapping.mapper import Mapper
from sluice.model.layout import numbers
from sluice.model.weight import weight
from sluice.sources.base import Pinned, Source
from sluice.sources.row_set import RowSet
from sluice.sql.spilling import disk_full
from sluice.sql.types import refuse_foreign

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BATCH = 1_000_000


class Keys:
    """A stream of the key and order columns, named `k0`, `k1`, ..., with the rows' ordinals. With a mapper, these are
    columns of the delivered rows."""

    def __init__(
        self, source: Source, pinned: Pinned, rows: RowSet, columns: Sequence[str], mapper: Mapper | None = None
    ) -> None:
        self._source, self._pinned, self._rows, self._columns = source, pinned, rows, columns
        self._mapper = mapper
        self.failure: SluiceError | None = None
        """The error that stopped the stream: the engine that reads it reports only the text."""

    def reader(self) -> pa.RecordBatchReader:
        """Raises `DefinitionError` if SQL cannot use a column."""
        import pyarrow as pa

        known = self._mapper.schema if self._mapper else self._pinned.schema
        refuse_foreign(map(known.field, self._columns))
        fields = [known.field(name).with_name(f"k{number}") for number, name in enumerate(self._columns)]
        schema = pa.schema([*fields, pa.field("ordinal", pa.int64())])
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        read = self._mapper.columns if self._mapper else list(dict.fromkeys(self._columns))
        try:
            for index, tables in each_slice(self._source, self._pinned, self._rows, read, self._held, _weigh):
                start, ordinals = 0, self._rows.starts[index] + self._rows.rows(index).astype("int64")
                for table in tables:
                    own = numbers(ordinals[start : start + table.num_rows])
                    start += table.num_rows
                    whole = pa.table([*(table[name] for name in self._columns), own], schema=schema)
                    yield from whole.to_batches()
        except SluiceError as error:
            self.failure = error
            raise

    def _held(self, index: int, tables: Iterator[pa.Table]) -> tuple[int, list[pa.Table]]:
        if self._mapper is None:
            return index, list(tables)
        return index, [self._mapper.apply(table).select(list(dict.fromkeys(self._columns))) for table in tables]


def _weigh(held: tuple[int, list[pa.Table]]) -> int:
    return sum(map(weight, held[1]))


def asked(
    engine: duckdb.DuckDBPyConnection,
    query: str,
    keys: Keys,
    failed: Callable[[str], FatalError],
    parameters: Mapping[str, bytes] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The result of a query over the table `rows`, the stream of the keys. Raises the error of the stream, or that of
    `failed`, which gets the engine's text."""
    import duckdb

    engine.register("rows", keys.reader())
    try:
        yield from engine.sql(query, params=parameters or None).to_arrow_reader(_BATCH)
    except (duckdb.Error, OSError) as error:
        known = failed(said(error))
        raise keys.failure or disk_full(error, known.what) or known from error
    finally:
        engine.unregister("rows")
