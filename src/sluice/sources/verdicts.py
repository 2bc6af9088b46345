"""Verdicts on rows, by DuckDB: whether a row is a member, and whether it has a value in every required field."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sluice.errors import DefinitionError, FatalError, SluiceError
from sluice.foreign import said
from sluice.memory import budget, in_turn
from sluice.model.layout import as_numpy, numbers
from sluice.model.weight import weight
from sluice.sources.base import Pinned, Source
from sluice.sql import connect, quote
from sluice.sql.expression import Expression
from sluice.sql.names import Names

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa

THREADS = min(8, (os.cpu_count() or 2))
"""Slices that are read in parallel. As many again may wait."""
NO_MEMBER, REJECTED, KEPT = 0, 1, 2
"""Verdicts on a row."""
OTHER_ROWS = (
    "the engine returned other rows than it read, or in another order: the `sql` of a `required` field must return one"
    " value per row"
)
_BATCH = 1_000_000
_EVEN = 2048 * 60
"""Rows per batch: a multiple of DuckDB's vector size. A small remainder of a vector would come out after later rows."""
_LEAST = 64
"""A remainder of this size is not small: DuckDB keeps its order."""
_ROWS, _MEMBERS = "sluice rows", "sluice members"
"""Names of the two tables in the engine, chosen so that no expression can refer to them."""


class Marks(Protocol):
    """Tells members without the engine."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns that it needs."""
        ...

    def of(self, index: int, first: int, table: pa.Table) -> np.ndarray:
        """For each row of a table, whether it is a member, as booleans. The rows start at row `first` of a slice."""
        ...


class Hashed(NamedTuple):
    """Members that the engine tells by their key."""

    column: str
    keys: pa.Array | pa.ChunkedArray


def verdicts(
    source: Source,
    pinned: Pinned,
    names: Names,
    columns: Sequence[str],
    required: Sequence[Expression],
    members: Marks | Hashed | None,
) -> Iterator[np.ndarray]:
    """A verdict on each row, in order. `members` is None if every row is one.

    Raises `DefinitionError` if an expression does not compile, and `FatalError` if it fails on a value or the data
    cannot be read."""
    import pyarrow as pa

    hashed = members if isinstance(members, Hashed) else None
    marks = None if isinstance(members, Hashed) else members
    with connect(as_written=True) as engine, _Rows(source, pinned, columns, names, marks) as rows:
        # An empty table first: the expressions are compiled before any row is read.
        engine.register(_ROWS, pa.Table.from_batches([], rows.schema))
        verdict = _verdict(engine, [one.over(names) for one in required])
        if marks is not None:
            verdict = f"case when {quote(rows.member)} = 1 then {verdict} else {NO_MEMBER} end"
        if hashed is not None:
            verdict = _of_members(engine, quote(names[hashed.column]), hashed.keys, verdict)
        engine.register(_ROWS, rows.reader())
        query = f"select {quote(rows.ordinal)}, ({verdict})::tinyint from {quote(_ROWS)}"  # noqa: S608 - checked
        yield from _in_order(_batches(engine, query, rows))


class _Rows:
    """The needed columns of all slices as one stream, renamed for the engine, with row numbers and marks. The next
    slices are read ahead."""

    def __init__(
        self, source: Source, pinned: Pinned, columns: Sequence[str], names: Names, marks: Marks | None
    ) -> None:
        import pyarrow as pa

        self._source = source
        self._pinned = pinned
        self._columns = columns
        self._marks = marks
        self._starts = list(accumulate((piece.records for piece in pinned.slices), initial=0))
        self._threads = ThreadPoolExecutor(THREADS, "select")
        self.ordinal = names.free("ordinal")
        """The column that numbers the dataset's rows."""
        self.member = names.free("member")
        """The column with the marks, if there are any."""
        fields = [pinned.schema.field(name).with_name(names[name]) for name in columns]
        fields += [pa.field(self.ordinal, pa.int64(), nullable=False)]
        fields += [pa.field(self.member, pa.uint8(), nullable=False)] if marks is not None else []
        self.schema = pa.schema(fields)
        self.failure: SluiceError | None = None
        """The error that stopped the stream. The engine would report only its text."""

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def reader(self) -> pa.RecordBatchReader:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for table in _even(table for tables in self._ahead() for table in tables):
                yield from table.combine_chunks().to_batches()
        except SluiceError as error:
            self.failure = error
            raise

    def _ahead(self) -> Iterator[list[pa.Table]]:
        indexes = range(len(self._pinned.slices))
        return in_turn(self._read, indexes, self._threads, most=2 * THREADS, weigh=_weigh)

    def _read(self, index: int) -> list[pa.Table]:
        read = {*self._columns, *(self._marks.columns if self._marks else ())}
        tables = numbered(self._source, self._pinned, index, sorted(read))
        return [self._with_numbers(index, first, table) for first, table in tables]

    def _with_numbers(self, index: int, first: int, table: pa.Table) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        start = self._starts[index] + first
        columns = [table[name] for name in self._columns]
        columns += [numbers(np.arange(start, start + table.num_rows, dtype=np.int64))]
        if self._marks is not None:
            columns += [numbers(self._marks.of(index, first, table).view(np.uint8))]
        return pa.table(columns, schema=self.schema)


def numbered(source: Source, pinned: Pinned, index: int, columns: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
    """The rows of one slice as tables, each with the number of its first row. Raises `FatalError` if there are not as
    many as were pinned."""
    first, piece = 0, pinned.slices[index]
    for table in source.read(pinned, piece, columns):
        yield first, table
        first += table.num_rows
    if first != piece.records:
        raise FatalError(f"{piece.unit} has {first:,} rows, but {piece.records:,} were pinned")


def _even(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `_EVEN` rows, except the last. If rows are so large that this exceeds the
    memory budget, in smaller tables of a multiple of `_LEAST` rows."""
    import pyarrow as pa

    held: list[pa.Table] = []
    count = size = 0
    most = 2 * budget().table
    for table in tables:
        held.append(table)
        count, size = count + table.num_rows, size + weight(table)
        while count >= (rows := _EVEN if size < most else max(_LEAST, count // _LEAST * _LEAST)):
            whole = pa.concat_tables(held)
            rows = min(rows, _EVEN)
            yield whole.slice(0, rows)
            held, count = [whole.slice(rows)], count - rows
            size = weight(held[0])
    if count:
        yield pa.concat_tables(held)


def _weigh(tables: list[pa.Table]) -> int:
    return sum(map(weight, tables))


def _verdict(engine: duckdb.DuckDBPyConnection, required: Sequence[str]) -> str:
    import duckdb

    try:
        kept = " and ".join(_present(engine, expression) for expression in required) or "true"
    except duckdb.Error as error:
        raise DefinitionError(f"a required field's SQL does not compile: {error}") from error
    return f"case when {kept} then {KEPT} else {REJECTED} end"


def _present(engine: duckdb.DuckDBPyConnection, expression: str) -> str:
    text = str(engine.sql(f"select {expression} from {quote(_ROWS)}").types[0]) == "VARCHAR"  # noqa: S608
    return f"{expression} is not null" + (f" and {expression} <> ''" if text else "")


def _of_members(engine: duckdb.DuckDBPyConnection, key: str, keys: pa.Array | pa.ChunkedArray, verdict: str) -> str:
    """An expression with `verdict` for members and `NO_MEMBER` for all other rows.

    Membership is a column, not a filter. The engine then builds one hash table of the members' keys and streams the
    rows past it in order. With a filter, it may hash the rows instead and hold all of them in memory.
    """
    import pyarrow as pa

    engine.register(_MEMBERS, pa.table({"key": keys}))
    members = f"select key from {quote(_MEMBERS)}"  # noqa: S608 - our own names
    return f"case when {key} in ({members}) then {verdict} else {NO_MEMBER} end"


def _batches(engine: duckdb.DuckDBPyConnection, query: str, rows: _Rows) -> Iterator[pa.RecordBatch]:
    import duckdb

    try:
        yield from engine.sql(query).to_arrow_reader(_BATCH)
    except (duckdb.Error, OSError) as error:
        failure = rows.failure or FatalError(
            f"a required field's SQL failed on a value: {said(error, query)}",
            next_step="correct the field's `sql` so that it accepts every value, for example with try_cast",
        )
        raise failure from failure.__cause__


def _in_order(batches: Iterable[pa.RecordBatch]) -> Iterator[np.ndarray]:
    """One verdict per row. Raises `FatalError` if rows are out of order."""
    import numpy as np

    position = 0
    for batch in batches:
        ordinals = as_numpy(batch.column(0))
        if not np.array_equal(ordinals, np.arange(position, position + len(ordinals))):
            raise FatalError(OTHER_ROWS)
        position += len(ordinals)
        yield as_numpy(batch.column(1))
