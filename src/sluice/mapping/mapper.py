"""Maps a dataset's rows to the delivered rows: select, rename, compute, hash, mask."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from sluice.definition.models.fields import FieldSpec, Mask
from sluice.errors import DefinitionError, FatalError, about
from sluice.foreign import said
from sluice.mapping.salts import Salts, hmac_of, salts_of
from sluice.sources.base import known_columns
from sluice.sql import connect, literal, quote
from sluice.sql.expression import row_expression
from sluice.sql.names import Names, names_of
from sluice.sql.types import refuse_foreign

if TYPE_CHECKING:
    import pyarrow as pa


_ROWS = "sluice rows"
"""The table's name in the engine. No expression can refer to it by accident."""


@dataclass(frozen=True)
class Mapper:
    """One feed's mapping, compiled against its dataset's schema. Safe to use from many threads."""

    columns: tuple[str, ...] | None
    """The columns to read; None for all."""
    schema: pa.Schema
    """The delivered columns and their types."""
    required: tuple[str, ...] = ()
    """The expressions that need a value in every delivered row, as written by the user."""
    reasons: str = "''"
    """A SQL expression for the reasons to reject a row; empty text if there are none."""
    query: str | None = None
    """The SELECT over the table `_ROWS`; None if columns are at most renamed."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The engine's names of the columns that are read."""
    salts: tuple[str, ...] = ()
    """The connections with the salts of hashes."""
    parameters: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The salts as parameters of the query, so that they are not in its text. Without them a salted query fails."""
    _engines: threading.local = field(default_factory=threading.local, repr=False)

    def apply(self, table: pa.Table) -> pa.Table:
        """Map rows to delivered rows, in the same order. Raises `FatalError` if an expression fails on a value."""
        if self.columns is None:
            return table
        if self.query is None:
            return table.select(list(self.columns)).rename_columns(self.schema.names)
        found = _run(self._engine(), self.query, self.named(table), self.parameters)
        return found.rename_columns(self.schema.names)

    def salted(self, salts: Salts) -> Mapper:
        """The mapper with its salts."""
        return replace(self, parameters=salts.parameters(self.salts), _engines=threading.local())

    def reasons_of(self, table: pa.Table) -> pa.ChunkedArray:
        """For each row, the required fields without a value, as text."""
        query = f"select {self.reasons} from {quote(_ROWS)}"  # noqa: S608 - the fields' own expressions
        return _run(self._engine(), query, self.named(table)).column(0)

    def named(self, table: pa.Table) -> pa.Table:
        """The table with the engine's names for its columns."""
        return table.rename_columns([self.names.get(name, name) for name in table.column_names])

    def _engine(self) -> object:
        if not hasattr(self._engines, "value"):
            self._engines.value = connect()
        return self._engines.value


def compile_fields(fields: Sequence[FieldSpec] | None, schema: pa.Schema, *, dataset: str) -> Mapper:
    """The mapper of a feed. If `fields` is None, every column is delivered unchanged. Raises `DefinitionError` if a
    field names a column that the dataset does not have, or if its SQL does not compile."""
    if fields is None:
        return Mapper(columns=None, schema=known_columns(schema, None, dataset=dataset))
    names = names_of(schema)
    made = _made(fields, names, schema, dataset)
    columns = _columns(made, schema)
    known_columns(schema, columns, dataset=dataset)
    required = tuple(one.written for one in made if one.spec.required)
    reasons = _reasons(made)
    called = {name: names[name] for name in columns}
    if all(spec.as_it_is for spec in fields):
        import pyarrow as pa

        delivered = pa.schema([schema.field(one.columns[0]).with_name(one.spec.output) for one in made])
        plain = tuple(one.columns[0] for one in made)
        return Mapper(plain, delivered, required, reasons, names=called)
    salts = salts_of(fields)
    select = ", ".join(_value(one, salts) for one in made)
    query = f"select {select} from {quote(_ROWS)}"  # noqa: S608 - each an expression of its own, checked
    mapper = Mapper(columns, schema, required, reasons, query, called, salts)
    return replace(mapper, schema=_compiled(mapper, schema, made))


class _Made(NamedTuple):
    """One field with its SQL."""

    spec: FieldSpec
    written: str
    """Its SQL with the dataset's column names."""
    origin: str
    """Its SQL with the engine's column names."""
    columns: list[str]
    """The columns that it reads."""


def _made(fields: Sequence[FieldSpec], names: Names, schema: pa.Schema, dataset: str) -> list[_Made]:
    made = []
    for index, spec in enumerate(fields):
        with about("fields", index):
            made.append(_one(spec, names, schema, dataset))
    return made


def _one(spec: FieldSpec, names: Names, schema: pa.Schema, dataset: str) -> _Made:
    if spec.field is not None:
        known_columns(schema, [spec.field], dataset=dataset)
        return _Made(spec, quote(spec.field), quote(names[spec.field]), [spec.field])
    if spec.sql is None:
        constant = literal(spec.value if spec.value is not None else "")
        return _Made(spec, constant, constant, [])
    expression = row_expression(spec.sql)
    needed = schema.names if "*" in expression.named else expression.columns(names)
    known_columns(schema, needed, dataset=dataset)
    return _Made(spec, spec.sql, expression.over(names), needed)


def _columns(made: Sequence[_Made], schema: pa.Schema) -> tuple[str, ...]:
    wanted = dict.fromkeys(name for one in made for name in one.columns)
    return tuple(wanted or schema.names[:1])  # with only constants, a column is still needed to count rows


def _value(made: _Made, salts: Sequence[str]) -> str:
    spec, text = made.spec, f"cast({made.origin} as varchar)"
    if spec.mask:
        return _masked(text, spec.mask)
    if spec.hash is None:
        return made.origin
    hashed = f"lower(trim({text}))" if spec.hash.normalize else text
    salt = spec.hash.salt_conn_id
    return f"sha256({hashed})" if salt is None else hmac_of(hashed, salts.index(salt))


def _masked(text: str, mask: Mask) -> str:
    """The SQL of a masked text. A text that is not longer than `keep` is masked completely."""
    sign, signs = literal(mask.sign), f"length({text}) - {mask.keep}"
    end = mask.side == "end"
    masked = f"repeat({sign}, {signs})"
    kept = f"{'right' if end else 'left'}({text}, {mask.keep})"
    some = f"{masked} || {kept}" if end else f"{kept} || {masked}"
    return f"case when {signs} > 0 then {some} else repeat({sign}, length({text})) end"


def _reasons(made: Sequence[_Made]) -> str:
    """The SQL of the reasons: one sentence for each required field without a value, by the rule of
    `sluice.sources.verdicts`."""
    lacking = []
    for spec, _, origin, _ in made:
        if spec.required:
            empty = f"typeof({origin}) = 'VARCHAR' and cast({origin} as varchar) = ''"
            said = literal(f"the required field `{spec.output}` has no value")
            lacking.append(f"case when {origin} is null or {empty} then {said} end")
    return f"concat_ws('; ', {', '.join(lacking)})" if lacking else "''"


def _compiled(mapper: Mapper, schema: pa.Schema, made: Sequence[_Made]) -> pa.Schema:
    """The delivered columns and their types, found by mapping an empty table."""
    import pyarrow as pa

    columns = list(mapper.columns or ())
    empty = pa.schema([schema.field(name) for name in columns]).empty_table()
    salts = Salts(dict.fromkeys(mapper.salts, b"")).parameters(mapper.salts)
    try:
        with connect() as engine, about("fields"):
            refuse_foreign(empty.schema)
            found = _run(engine, mapper.query or "", mapper.named(empty), salts)
            if found.num_columns != len(made):
                raise FatalError(f"it returns {found.num_columns} columns for {len(made)} fields")
        return found.rename_columns([one.spec.output for one in made]).schema
    except FatalError as failed:
        wrong = DefinitionError(
            f"a field's SQL does not compile: {failed.what}",
            known=columns,
            next_step="correct the field's `sql`; it may use the dataset's columns and DuckDB's functions",
        )
        wrong.subject = failed.subject
        raise wrong from failed


def _run(engine: object, query: str, rows: pa.Table, parameters: Mapping[str, bytes] | None = None) -> pa.Table:
    """Run the query over the rows. Raises `FatalError` if it fails, or if it does not return one row for each row."""
    import duckdb

    assert isinstance(engine, duckdb.DuckDBPyConnection)  # noqa: S101 - narrows a thread-local for the type checker
    try:
        engine.register(_ROWS, rows)
        found = engine.sql(query, params=parameters or None).to_arrow_table()
    except duckdb.Error as failed:
        raise FatalError(
            f"the mapping failed: {said(failed, query) if rows.num_rows else failed}",
            next_step="correct the field's `sql` so that it accepts every value, for example with try_cast",
        ) from None
    finally:
        engine.unregister(_ROWS)
    if found.num_rows != rows.num_rows:
        raise FatalError(
            f"the mapping returned {found.num_rows:,} rows for {rows.num_rows:,}",
            next_step="correct the field's `sql`: it must compute one value per row, from that row only",
        )
    return found
