"""Deduplicate rows by key."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from sluice.definition.models.rows import Unique
from sluice.delivery.extraction import FeedExtraction, FeedStep
from sluice.delivery.rows.reading import each_slice
from sluice.delivery.rows.row_set import RowSet
from sluice.errors import FatalError, SluiceError, about
from sluice.foreign import said
from sluice.memory import budget
from sluice.model.layout import as_numpy, numbers
from sluice.model.weight import weight
from sluice.plan.model import Feed, Plan
from sluice.sources.base import Pinned, Source, known_columns
from sluice.sql import connect

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_THREADS = 2
_BATCH = 1_000_000


def _describe(plan: Plan, feed: Feed) -> str | None:
    unique = plan.export.unique
    if unique is None:
        return None
    order = f"in the order of {unique.order}" if unique.order else "in the data's own order"
    return f"keeps the {unique.keep} row of each {', '.join(_key(unique, feed))}, {order}"


def _keep_one(work: FeedExtraction) -> None:
    spec, extract = cast("Unique", work.plan.export.unique), work.extract
    kept = work.kept()
    lacking = work.lacking or RowSet(kept.slices)
    before = len(kept) + len(lacking)
    with about("exports", work.plan.export.name, "unique"):
        rows, key = kept | lacking, _key(spec, work.feed)
        stays = unique_rows(work.source, extract.pinned, rows, spec, key, dataset=work.feed.dataset.name)
    kept, work.lacking = kept & stays, lacking & stays
    work.keep(kept)
    work.update(duplicates=before - len(kept) - len(work.lacking))


def _key(unique: Unique, feed: Feed) -> Sequence[str]:
    return unique.by or (feed.dataset.key,)


UNIQUE = FeedStep("unique", _describe, _keep_one)


def unique_rows(
    source: Source, pinned: Pinned, rows: RowSet, spec: Unique, key: Sequence[str], *, dataset: str
) -> RowSet:
    """The rows that are kept: one per key, and every row in which a column of the key is null. Deterministic.

    Reads only the columns of the key and of the order. Raises `DefinitionError` if one is unknown, `FatalError` if the
    engine cannot compare its type."""
    columns = [*key, *([spec.order] if spec.order else [])]
    known_columns(pinned.schema, columns, dataset=dataset)
    stays = RowSet(pinned.slices)
    keys = _Keys(source, pinned, rows, columns)
    with (
        tempfile.TemporaryDirectory(prefix="sluice-") as spill,
        connect(threads=_THREADS, memory=budget().engine, spill=spill) as engine,
    ):
        engine.register("rows", keys.reader())
        for batch in _found(engine, _query(spec, len(key)), keys, dataset):
            stays.add(as_numpy(batch.column(0)))
    return stays


def _query(spec: Unique, width: int) -> str:
    """A query for the ordinals of the rows that are kept. Grouping, possible without an order, is far cheaper than a
    window."""
    key = [f"k{number}" for number in range(width)]
    lone = f"case when {' or '.join(f'{part} is null' for part in key)} then ordinal end"
    groups = ", ".join([*key, lone])
    if spec.order is None:
        pick = "max" if spec.keep == "last" else "min"
        return f"select {pick}(ordinal) from rows group by {groups}"  # noqa: S608 - our own names alone
    last = spec.keep == "last"
    order = f"k{width} desc nulls last, ordinal desc" if last else f"k{width} nulls first, ordinal"
    return (
        "select ordinal from rows "  # noqa: S608 - our own names alone
        f"qualify row_number() over (partition by {groups} order by {order}) = 1"
    )


class _Keys:
    """A stream of the key and order columns, named `k0`, `k1`, ..., with the rows' ordinals."""

    def __init__(self, source: Source, pinned: Pinned, rows: RowSet, columns: Sequence[str]) -> None:
        self._source, self._pinned, self._rows, self._columns = source, pinned, rows, columns
        self.failure: SluiceError | None = None
        """The error that stopped the stream: the engine that reads it reports only the text."""

    def reader(self) -> pa.RecordBatchReader:
        import pyarrow as pa

        fields = [self._pinned.schema.field(name).with_name(f"k{number}") for number, name in enumerate(self._columns)]
        schema = pa.schema([*fields, pa.field("ordinal", pa.int64())])
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        distinct = list(dict.fromkeys(self._columns))
        try:
            for index, tables in each_slice(self._source, self._pinned, self._rows, distinct, _held, _weigh):
                start, ordinals = 0, self._rows.starts[index] + self._rows.rows(index).astype("int64")
                for table in tables:
                    own = numbers(ordinals[start : start + table.num_rows])
                    start += table.num_rows
                    whole = pa.table([*(table[name] for name in self._columns), own], schema=schema)
                    yield from whole.to_batches()
        except SluiceError as error:
            self.failure = error
            raise


def _held(index: int, tables: Iterator[pa.Table]) -> tuple[int, list[pa.Table]]:
    return index, list(tables)


def _weigh(held: tuple[int, list[pa.Table]]) -> int:
    return sum(map(weight, held[1]))


def _found(engine: duckdb.DuckDBPyConnection, query: str, keys: _Keys, dataset: str) -> Iterator[pa.RecordBatch]:
    import duckdb

    try:
        yield from engine.sql(query).to_arrow_reader(_BATCH)
    except (duckdb.Error, OSError) as error:
        raise keys.failure or FatalError(
            f"dataset {dataset}: deduplication by key failed: {said(error)}",
            next_step="name other columns in `unique`, declare more `memory`, or make room in the temporary folder",
        ) from error
