"""Compare rows by key with those of the last delivery, in an engine that spills to disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, get_args

from sluice.delivery.incremental import digest
from sluice.delivery.rows.rows import FeedRows
from sluice.errors import FatalError, SluiceError
from sluice.filesystem import Opened
from sluice.foreign import said
from sluice.model.change import COLUMN, Kind
from sluice.sources.position import Position
from sluice.sql.spilling import disk_full

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BATCH = 100_000
_NAMED = b"sluice.digest"
"""The metadata key of the file that names its digest."""
_FULL = "trigger a run with the mode `full`: it delivers everything, and later runs continue from there"


class Comparison:
    """Compares the current rows with those that were delivered, in an engine that spills to disk."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, schema: pa.Schema, key: str, *, dataset: str) -> None:
        import pyarrow as pa

        self._engine = engine
        self._schema = pa.schema([field.with_nullable(nullable=True).remove_metadata() for field in schema])
        self._key = key
        self._dataset = dataset
        self.counts: dict[str, int] = dict.fromkeys(get_args(Kind), 0)

    def load_current(self, tables: Iterator[pa.Table]) -> None:
        """Load the current rows, in their order. Digests include the columns' names and types: after a rename, all
        differ."""
        import pyarrow as pa

        key = self._schema.field(self._key).with_name("key")
        schema = pa.schema([key, pa.field("form", pa.large_binary()), pa.field("_ordinal", pa.int64())])
        with _Stream(schema, self._numbered(tables, schema)) as stream:
            stream.into(
                self._engine,
                f"create table now as select key, {digest.SQL} as hash, _ordinal from rows",  # noqa: S608 - a constant
                self._dataset,
            )
        self._check_keys()

    def load_delivered(self, kept: Opened, since: Position | None) -> None:
        """Load the keys and digests of the last delivery. Raises `FatalError` if they are missing or not comparable."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if since is None:
            self._engine.execute("create table was as select key, hash from now limit 0")
            return
        if since.by != "changes" or not kept.exists(since.at):
            what = (
                f"staging has lost the record of the last delivery: {kept.at(since.at)}"
                if since.by == "changes"
                else f"the last delivery was incremental by {since.by}, not by changes"
            )
            raise FatalError(f"dataset {self._dataset}: {what}", next_step=_FULL)
        with kept.reporting(f"reading {since.at}"), kept.open_input(since.at) as source:
            file = pq.ParquetFile(source)
            if (file.schema_arrow.metadata or {}).get(_NAMED) != digest.NAME.encode():
                what = "the record of the last delivery uses a digest that this version does not support"
                raise FatalError(f"dataset {self._dataset}: {what}: {kept.at(since.at)}", next_step=_FULL)
            wanted = self._schema.field(self._key).type
            if file.schema_arrow.field("key").type != wanted:
                kind = file.schema_arrow.field("key").type
                raise FatalError(f"dataset {self._dataset}: its key was {kind}, but is {wanted} now", next_step=_FULL)
            reader = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(_BATCH))
            self._engine.register("rows", reader)
            self._engine.execute("create table was as select key, hash from rows")
            self._engine.unregister("rows")

    def write(self, kept: Opened, name: str) -> None:
        """Write every current key with the digest of its row, and the digest's name."""
        import pyarrow.parquet as pq

        with closing(self._engine.sql("select key, hash from now").to_arrow_reader(_BATCH)) as reader:
            schema = reader.schema.set(0, self._schema.field(self._key).with_name("key"))
            schema = schema.with_metadata({_NAMED: digest.NAME.encode()})
            with kept.open_output(name) as sink, pq.ParquetWriter(sink, schema, compression="zstd") as to:
                for batch in reader:
                    to.write_batch(batch.cast(schema))

    def differing(self, rows: FeedRows, kept: tuple[int, ...]) -> Iterator[pa.Table]:
        """The added and changed rows, in their order, then the keys of the removed rows, sorted."""
        yield self._table(self._schema.empty_table(), [])
        start = 0
        for numbers, kinds, records in self._by_slice(kept):
            if len(numbers):
                yield from self._taken(rows.read(start, start + records), numbers - start, kinds)
            start += records
        for batch in self._query("select key from was anti join now using (key) order by key"):
            table = self._only_keys(batch)
            self.counts["removed"] += table.num_rows
            yield self._table(table, ["removed"] * table.num_rows)

    def _by_slice(self, kept: tuple[int, ...]) -> Iterator[tuple[Any, Any, int]]:
        """For each slice: the ordinals of rows that differ, their kinds of change, and the number of all its rows."""
        import numpy as np

        waiting, kinds = np.array([], np.int64), np.array([], object)
        found = self._query(
            "select _ordinal, was.key is null as added from now left join was using (key)"
            " where was.key is null or was.hash <> now.hash order by _ordinal"
        )
        end, more = 0, True
        for records in kept:
            end += records
            # The rows arrive ordered by ordinal: read on until one lies beyond this slice.
            while more and (not len(waiting) or waiting[-1] < end):
                batch = next(found, None)
                more = batch is not None
                if batch is not None:
                    waiting = np.concatenate([waiting, batch.column(0).to_numpy()])
                    added = batch.column(1).to_numpy(zero_copy_only=False)
                    kinds = np.concatenate([kinds, np.where(added, "added", "changed").astype(object)])
            count = int(np.searchsorted(waiting, end))
            yield waiting[:count], kinds[:count], records
            waiting, kinds = waiting[count:], kinds[count:]

    def _taken(self, tables: Iterator[pa.Table], numbers: Any, kinds: Any) -> Iterator[pa.Table]:
        import numpy as np
        import pyarrow as pa

        start = 0
        for table in tables:
            low, high = np.searchsorted(numbers, (start, start + table.num_rows))
            if high > low:
                plain = table.cast(self._schema).take(pa.array(numbers[low:high] - start))
                changes = list(kinds[low:high])
                for kind in ("added", "changed"):
                    self.counts[kind] += changes.count(kind)
                yield self._table(plain, changes)
            start += table.num_rows

    def _table(self, table: pa.Table, kinds: list[str]) -> pa.Table:
        import pyarrow as pa

        return table.append_column(COLUMN, pa.array(kinds, pa.string()))

    def _only_keys(self, batch: pa.RecordBatch) -> pa.Table:
        import pyarrow as pa

        rows = batch.num_rows
        columns = [
            batch.column(0).cast(field.type) if field.name == self._key else pa.nulls(rows, field.type)
            for field in self._schema
        ]
        return pa.table(columns, schema=self._schema)

    def _query(self, query: str) -> Iterator[pa.RecordBatch]:
        import duckdb

        try:
            yield from self._engine.sql(query).to_arrow_reader(_BATCH)
        except (duckdb.Error, OSError) as error:
            raise _failed(self._dataset, error) from error

    def _numbered(self, tables: Iterator[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
        import numpy as np
        import pyarrow as pa

        start = 0
        for table in tables:
            plain = table.cast(self._schema)
            for batch, form in zip(plain.to_batches(), digest.forms(plain), strict=True):
                numbers = pa.array(np.arange(start, start + batch.num_rows))
                yield pa.Table.from_arrays([batch.column(self._key), form, numbers], schema=schema)
                start += batch.num_rows

    def _check_keys(self) -> None:
        for query, says in (
            ("select count(*), null from now where key is null having count(*) > 0", "{0:,} rows have no {key}"),
            (
                "select sum(n)::bigint, count(*) from (select count(*) as n from now group by key having n > 1)"
                " having count(*) > 0",
                "{0:,} rows share {1:,} of its {key}",
            ),
        ):
            if found := self._engine.execute(query).fetchone():
                raise FatalError(
                    f"dataset {self._dataset}: {says.format(*found, key=self._key)}, but changes are found by key",
                    next_step="correct the data, or deduplicate it with `unique`",
                )


class _Stream:
    """Tables that the engine reads once. An error of ours in the stream is raised itself, not the engine's text of
    it."""

    def __init__(self, schema: pa.Schema, tables: Iterator[pa.Table]) -> None:
        import pyarrow as pa

        self._failure: SluiceError | None = None
        self._reader = pa.RecordBatchReader.from_batches(schema, self._batches(tables))

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def into(self, engine: duckdb.DuckDBPyConnection, query: str, dataset: str) -> None:
        import duckdb

        engine.register("rows", self._reader)
        try:
            engine.execute(query)
        except (duckdb.Error, OSError) as error:
            raise self._failure or _failed(dataset, error) from error
        finally:
            engine.unregister("rows")

    def _batches(self, tables: Iterator[pa.Table]) -> Iterator[pa.RecordBatch]:
        try:
            for table in tables:
                yield from table.to_batches()
        except SluiceError as error:
            self._failure = error
            raise


def _failed(dataset: str, error: Exception) -> SluiceError:
    what = f"dataset {dataset}: finding its changes failed: {said(error)}"
    return disk_full(error, what) or FatalError(
        what,
        next_step="declare more `memory`, make room in the machine's temporary folder, or deliver it with `mode: full`",
    )
