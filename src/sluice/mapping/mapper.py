"""From a dataset's rows to the delivered rows: select, rename, compute, hash, mask."""

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

if TYPE_CHECKING:
    import pyarrow as pa


_ROWS = "sluice rows"
"""What the engine calls the table: no name that an expression could mean."""


@dataclass(frozen=True)
class Mapper:
    """One feed's mapping, compiled against its dataset's schema. Safe to use from many threads."""

    columns: tuple[str, ...] | None
    """The columns to read; None for all."""
    schema: pa.Schema
    """The delivered columns and their types."""
    required: tuple[str, ...] = ()
    """Expressions that must have a value in every delivered row, as they are written."""
    reasons: str = "''"
    """The SQL text that says which of them a row lacks; empty where it lacks none."""
    query: str | None = None
    """The SELECT over the table `_ROWS`; None where columns only change their names, or nothing changes."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What the engine calls the columns that are read."""
    salts: tuple[str, ...] = ()
    """The connections that hold the salts of hashes."""
    parameters: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The salts, as the query takes them: apart from its text. Without them a salted query fails."""
    _engines: threading.local = field(default_factory=threading.local, repr=False)

    def apply(self, table: pa.Table) -> pa.Table:
        """The delivered rows of these rows, in their order. Raises `FatalError` where an expression fails on a
        value."""
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
        """What each of these rows lacks of what is required, as text."""
        query = f"select {self.reasons} from {quote(_ROWS)}"  # noqa: S608 - the fields' own expressions
        return _run(self._engine(), query, self.named(table)).column(0)

    def named(self, table: pa.Table) -> pa.Table:
        """The table under the engine's names for its columns."""
        return table.rename_columns([self.names.get(name, name) for name in table.column_names])

    def _engine(self) -> object:
        if not hasattr(self._engines, "value"):
            self._engines.value = connect()
        return self._engines.value


def compile_fields(fields: Sequence[FieldSpec] | None, schema: pa.Schema, *, dataset: str) -> Mapper:
    """The mapper of a feed; every column as it is where `fields` is None. Raises `DefinitionError` where a field
    names a column that the dataset does not have, or its SQL does not compile."""
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
    """One field, and what makes its value."""

    spec: FieldSpec
    written: str
    """Its SQL in the dataset's names."""
    origin: str
    """Its SQL in the engine's."""
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
    return tuple(wanted or schema.names[:1])  # constants alone: some column has to say how many rows there are


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
    """The text with signs; one that is no longer than what is kept consists of signs alone."""
    sign, signs = literal(mask.sign), f"length({text}) - {mask.keep}"
    end = mask.side == "end"
    masked = f"repeat({sign}, {signs})"
    kept = f"{'right' if end else 'left'}({text}, {mask.keep})"
    some = f"{masked} || {kept}" if end else f"{kept} || {masked}"
    return f"case when {signs} > 0 then {some} else repeat({sign}, length({text})) end"


def _reasons(made: Sequence[_Made]) -> str:
    """For each required field a sentence where it has no value, as `sluice.sources.selection` tells it."""
    lacking = []
    for spec, _, origin, _ in made:
        if spec.required:
            empty = f"typeof({origin}) = 'VARCHAR' and cast({origin} as varchar) = ''"
            said = literal(f"the required field `{spec.output}` has no value")
            lacking.append(f"case when {origin} is null or {empty} then {said} end")
    return f"concat_ws('; ', {', '.join(lacking)})" if lacking else "''"


def _compiled(mapper: Mapper, schema: pa.Schema, made: Sequence[_Made]) -> pa.Schema:
    """The delivered columns and their types, by trying the mapping on no rows."""
    import pyarrow as pa

    columns = list(mapper.columns or ())
    empty = pa.schema([schema.field(name) for name in columns]).empty_table()
    salts = Salts(dict.fromkeys(mapper.salts, b"")).parameters(mapper.salts)
    try:
        with connect() as engine, about("fields"):
            found = _run(engine, mapper.query or "", mapper.named(empty), salts)
            if found.num_columns != len(made):
                raise FatalError(f"it makes {found.num_columns} columns of {len(made)} fields")
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
    """The query's one row for each row. Raises `FatalError` where it fails, or makes another number of them."""
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
            f"the mapping made {found.num_rows:,} rows of {rows.num_rows:,}",
            next_step="correct the field's `sql`: it computes one value of each row, from that row alone",
        )
    return found
