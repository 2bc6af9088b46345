"""Selects the rows of a pinned dataset to send: members of a segment that have every required field."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from sluice.errors import DefinitionError, FatalError, SluiceError
from sluice.foreign import said
from sluice.memory import budget, in_turn
from sluice.model.layout import as_numpy, numbers
from sluice.model.weight import weight
from sluice.sources.base import Pinned, Slice, Source, known_columns
from sluice.sql import connect, quote
from sluice.sql.expression import Expression, row_expression
from sluice.sql.names import Names, names_of

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa

_THREADS = min(8, (os.cpu_count() or 2))
"""Slices that are read in parallel. As many again may wait for the engine."""
_BATCH = 1_000_000
_EVEN = 2048 * 60
"""Rows per batch: a multiple of DuckDB's vector size. A small remainder of a vector would come out after later rows."""
_LEAST = 64
"""A remainder of this size is not small: DuckDB keeps its order."""
_OTHER_ROWS = (
    "the engine returned other rows than it read, or in another order: the `sql` of a `required` field must return one"
    " value per row"
)
_NO_MEMBER, _REJECTED, _KEPT = 0, 1, 2
"""Verdicts on a row."""
_ROWS, _MEMBERS = "sluice rows", "sluice members"
"""Names of the two tables in the engine, chosen so that no expression can refer to them."""


@dataclass(frozen=True)
class SliceSelection:
    """The rows of one slice to send."""

    index: int
    """The slice's index in `Pinned.slices`."""
    rows: pa.Array
    """Row numbers within the slice, ascending, as uint32."""
    rejects: pa.Array
    """Row numbers of the members without a value in a required field, in the same form."""

    @property
    def rejected(self) -> int:
        return len(self.rejects)


def comparable(one: pa.DataType, other: pa.DataType) -> bool:
    """Whether values of these types can be equal keys: both are whole numbers, both are text, or the types are the
    same. A type that is known only when rows are read is comparable with any."""
    kinds = {_kind(one), _kind(other)}
    return len(kinds) == 1 or "null" in kinds


def _kind(type_: pa.DataType) -> str:
    import pyarrow as pa

    plain = type_.value_type if pa.types.is_dictionary(type_) else type_
    if pa.types.is_integer(plain):
        return "whole number"
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return "text" if any(is_text(plain) for is_text in text) else str(plain)


def select(
    source: Source,
    pinned: Pinned,
    *,
    key: str,
    keys: pa.Array | pa.ChunkedArray | None,
    required: Sequence[str] = (),
) -> Iterator[SliceSelection]:
    """One selection per slice, in order. Reads only the key and the columns that `required` uses.

    `keys` are the distinct keys of the members; None selects every row. `required` are SQL expressions over one row: a
    member is rejected if one of them is null or empty text. Raises `DefinitionError` if a column is unknown or an
    expression does not compile, and `FatalError` if it fails on a value or the data cannot be read.
    """
    import pyarrow as pa

    names = names_of(pinned.schema)
    expressions = [row_expression(text) for text in required]
    member = names.own(key) or key
    columns = _columns(pinned, names, [member] if keys is not None else [], expressions)
    with connect(as_written=True) as engine, _Rows(source, pinned, columns, names) as rows:
        # An empty table first: the expressions are compiled before any row is read.
        engine.register(_ROWS, pa.Table.from_batches([], rows.schema))
        verdict = _verdict(engine, [one.over(names) for one in expressions])
        if keys is not None:
            verdict = _of_members(engine, quote(names[member]), keys, verdict)
        engine.register(_ROWS, rows.reader())
        query = f"select {quote(rows.ordinal)}, ({verdict})::tinyint from {quote(_ROWS)}"  # noqa: S608 - checked
        yield from _by_slice(pinned.slices, _batches(engine, query, rows))


class _Rows:
    """The needed columns of all slices as one stream, renamed for the engine and with row numbers. The next slices are
    read ahead."""

    def __init__(self, source: Source, pinned: Pinned, columns: Sequence[str], names: Names) -> None:
        import pyarrow as pa

        self._source = source
        self._pinned = pinned
        self._columns = columns
        self._threads = ThreadPoolExecutor(_THREADS, "select")
        self.ordinal = names.free("ordinal")
        """The column that numbers the dataset's rows."""
        fields = [pinned.schema.field(name).with_name(names[name]) for name in columns]
        self.schema = pa.schema([*fields, pa.field(self.ordinal, pa.int64(), nullable=False)])
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
        slices = self._pinned.slices
        starts = accumulate((piece.records for piece in slices), initial=0)
        return in_turn(self._read, zip(slices, starts, strict=False), self._threads, most=2 * _THREADS, weigh=_weigh)

    def _read(self, at: tuple[Slice, int]) -> list[pa.Table]:
        import numpy as np
        import pyarrow as pa

        tables = []
        piece, start = at
        position = start
        for table in self._source.read(self._pinned, piece, self._columns):
            ordinals = numbers(np.arange(position, position + table.num_rows, dtype=np.int64))
            tables.append(pa.table([*table.columns, ordinals], schema=self.schema))
            position += table.num_rows
        if position - start != piece.records:
            raise FatalError(f"{piece.unit} has {position - start:,} rows, but {piece.records:,} were pinned")
        return tables


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


def _columns(pinned: Pinned, names: Names, key: list[str], expressions: Sequence[Expression]) -> list[str]:
    """The columns to read, spelled as in the dataset: SQL ignores the case of names."""
    if any("*" in one.named for one in expressions):
        return list(pinned.schema.names)
    named = {name for one in expressions for name in one.columns(names)} | {*key}
    return list(known_columns(pinned.schema, sorted(named), dataset="of this feed").names)


def _verdict(engine: duckdb.DuckDBPyConnection, required: Sequence[str]) -> str:
    import duckdb

    try:
        kept = " and ".join(_present(engine, expression) for expression in required) or "true"
    except duckdb.Error as error:
        raise DefinitionError(f"a required field's SQL does not compile: {error}") from error
    return f"case when {kept} then {_KEPT} else {_REJECTED} end"


def _present(engine: duckdb.DuckDBPyConnection, expression: str) -> str:
    text = str(engine.sql(f"select {expression} from {quote(_ROWS)}").types[0]) == "VARCHAR"  # noqa: S608
    return f"{expression} is not null" + (f" and {expression} <> ''" if text else "")


def _of_members(engine: duckdb.DuckDBPyConnection, key: str, keys: pa.Array | pa.ChunkedArray, verdict: str) -> str:
    """An expression with `verdict` for members and `_NO_MEMBER` for all other rows.

    Membership is a column, not a filter. The engine then builds one hash table of the members' keys and streams the
    rows past it in order. With a filter, it may hash the rows instead and hold all of them in memory.
    """
    import pyarrow as pa

    engine.register(_MEMBERS, pa.table({"key": keys}))
    members = f"select key from {quote(_MEMBERS)}"  # noqa: S608 - our own names
    return f"case when {key} in ({members}) then {verdict} else {_NO_MEMBER} end"


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


def _by_slice(slices: Sequence[Slice], batches: Iterable[pa.RecordBatch]) -> Iterator[SliceSelection]:
    """Cut the stream of verdicts at the boundaries of the slices."""
    import numpy as np

    stream = _verdicts(batches)
    rest = np.empty(0, np.int8)
    for index, piece in enumerate(slices):
        pieces = [rest]
        while sum(map(len, pieces)) < piece.records:
            if (more := next(stream, None)) is None:  # fewer rows came back than were read
                raise FatalError(_OTHER_ROWS)
            pieces.append(more)
        verdicts = np.concatenate(pieces)
        verdicts, rest = verdicts[: piece.records], verdicts[piece.records :]
        kept, rejects = (np.flatnonzero(verdicts == one).astype(np.uint32) for one in (_KEPT, _REJECTED))
        yield SliceSelection(index, numbers(kept), numbers(rejects))


def _verdicts(batches: Iterable[pa.RecordBatch]) -> Iterator[np.ndarray]:
    """One verdict per row. Raises `FatalError` if rows are out of order."""
    import numpy as np

    position = 0
    for batch in batches:
        ordinals = as_numpy(batch.column(0))
        if not np.array_equal(ordinals, np.arange(position, position + len(ordinals))):
            raise FatalError(_OTHER_ROWS)
        position += len(ordinals)
        yield as_numpy(batch.column(1))
