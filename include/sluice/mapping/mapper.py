"""From a dataset's rows to the delivered rows: select, rename, compute, hash, mask."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sluice.definition.fields import FieldSpec, Mask
from sluice.errors import DefinitionError, FatalError, about
from sluice.foreign import said
from sluice.mapping.salts import Salts, hmac_of, salts_of
from sluice.sources.base import known_columns
from sluice.sql import columns_read, connect, literal, quote

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Mapper:
    """One feed's mapping, compiled against its dataset's schema. Safe to use from many threads."""

    columns: tuple[str, ...] | None
    """The columns to read; None for all."""
    schema: pa.Schema
    """The delivered columns and their types."""
    required: tuple[str, ...] = ()
    """Expressions that must have a value in every delivered row."""
    reasons: str = "''"
    """The SQL text that says which of them a row lacks; empty where it lacks none."""
    query: str | None = None
    """The SELECT over the table `rows`; None where columns only change their names, or nothing changes."""
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
        return _run(self._engine(), self.query, table, self.parameters)

    def salted(self, salts: Salts) -> Mapper:
        """The mapper with its salts."""
        return replace(self, parameters=salts.parameters(self.salts), _engines=threading.local())

    def reasons_of(self, table: pa.Table) -> pa.ChunkedArray:
        """What each of these rows lacks of what is required, as text."""
        return _run(self._engine(), f"select {self.reasons} as reason from rows", table)["reason"]  # noqa: S608

    def _engine(self) -> object:
        if not hasattr(self._engines, "value"):
            self._engines.value = connect()
        return self._engines.value


def compile_fields(fields: Sequence[FieldSpec] | None, schema: pa.Schema, *, dataset: str) -> Mapper:
    """The mapper of a feed; every column as it is where `fields` is None. Raises `DefinitionError` where a field
    names a column that the dataset does not have, or its SQL does not compile."""
    if fields is None:
        return Mapper(columns=None, schema=known_columns(schema, None, dataset=dataset))
    columns = _columns(fields, schema, dataset)
    known_columns(schema, columns, dataset=dataset)
    required = tuple(_origin(spec) for spec in fields if spec.required)
    reasons = _reasons(fields)
    if all(spec.as_it_is for spec in fields):
        import pyarrow as pa

        delivered = pa.schema(
            [schema.field(spec.field).with_name(spec.output) for spec in fields if spec.field is not None]
        )
        plain = tuple(spec.field for spec in fields if spec.field is not None)
        return Mapper(columns=plain, schema=delivered, required=required, reasons=reasons)
    salts = salts_of(fields)
    select = ", ".join(f"{_value(spec, salts)} as {quote(spec.output)}" for spec in fields)
    query = f"select {select} from rows"  # noqa: S608 - the declaration's own SQL, in an engine that reaches nothing
    compiled = _compile(query, schema, columns, Salts(dict.fromkeys(salts, b"")).parameters(salts))
    return Mapper(columns, compiled, required, reasons, query, salts)


def _columns(fields: Sequence[FieldSpec], schema: pa.Schema, dataset: str) -> tuple[str, ...]:
    wanted: dict[str, None] = {}
    for index, spec in enumerate(fields):
        with about("fields", index):
            wanted |= dict.fromkeys(_needed(spec, schema, dataset))
    return tuple(wanted or schema.names[:1])  # constants alone: some column has to say how many rows there are


def _needed(spec: FieldSpec, schema: pa.Schema, dataset: str) -> list[str]:
    if spec.field is not None:
        return [_known(spec.field, schema, dataset, exact=True)]
    names = columns_read(_origin(spec))
    return schema.names if "*" in names else [_known(name, schema, dataset, exact=False) for name in sorted(names)]


def _known(name: str, schema: pa.Schema, dataset: str, *, exact: bool) -> str:
    """The column's own spelling: SQL does not mind the case of a name, a `field` does."""
    spelled: dict[str, str] = {own if exact else own.lower(): own for own in schema.names}
    found = spelled.get(name if exact else name.lower())
    if found is None:
        near = difflib.get_close_matches(name, schema.names, 1)
        raise DefinitionError(
            f"dataset {dataset} has no column {name!r}",
            nearest=near[0] if near else None,
            known=schema.names,
            next_step="name one of its columns in `fields`, then run `sluice check`",
        )
    return found


def _origin(spec: FieldSpec) -> str:
    if spec.field is not None:
        return quote(spec.field)
    return f"({spec.sql})" if spec.sql is not None else literal(spec.value if spec.value is not None else "")


def _value(spec: FieldSpec, salts: Sequence[str]) -> str:
    text = f"cast({_origin(spec)} as varchar)"
    if spec.mask:
        return _masked(text, spec.mask)
    if spec.hash is None:
        return _origin(spec)
    normal, salt = f"lower(trim({text}))", spec.hash.salt_conn_id
    return f"sha256({normal})" if salt is None else hmac_of(normal, salts.index(salt))


def _masked(text: str, mask: Mask) -> str:
    """The text with signs; one that is no longer than what is kept consists of signs alone."""
    sign, signs = literal(mask.sign), f"length({text}) - {mask.keep}"
    end = mask.side == "end"
    masked = f"repeat({sign}, {signs})"
    kept = f"{'right' if end else 'left'}({text}, {mask.keep})"
    some = f"{masked} || {kept}" if end else f"{kept} || {masked}"
    return f"case when {signs} > 0 then {some} else repeat({sign}, length({text})) end"


def _reasons(fields: Sequence[FieldSpec]) -> str:
    """For each required field a sentence where it has no value, as `sluice.sources.selection` tells it."""
    lacking = []
    for spec in fields:
        if spec.required:
            origin = _origin(spec)
            empty = f"typeof({origin}) = 'VARCHAR' and cast({origin} as varchar) = ''"
            said = literal(f"the required field `{spec.output}` has no value")
            lacking.append(f"case when {origin} is null or {empty} then {said} end")
    return f"concat_ws('; ', {', '.join(lacking)})" if lacking else "''"


def _compile(query: str, schema: pa.Schema, columns: Sequence[str], parameters: Mapping[str, bytes]) -> pa.Schema:
    import pyarrow as pa

    rows = pa.schema([schema.field(name) for name in columns]).empty_table()
    try:
        with connect() as engine, about("fields"):
            delivered: pa.Schema = _run(engine, query, rows, parameters).schema
    except FatalError as failed:
        wrong = DefinitionError(
            f"a field's SQL does not compile: {failed.what}",
            known=list(columns),
            next_step="correct the field's `sql`; it may use the dataset's columns and DuckDB's functions",
        )
        wrong.subject = failed.subject
        raise wrong from failed
    return delivered


def _run(engine: object, query: str, rows: pa.Table, parameters: Mapping[str, bytes] | None = None) -> pa.Table:
    import duckdb

    assert isinstance(engine, duckdb.DuckDBPyConnection)  # noqa: S101 - narrows a thread-local for the type checker
    try:
        engine.register("rows", rows)
        return engine.sql(query, params=parameters or None).to_arrow_table()
    except duckdb.Error as failed:
        raise FatalError(
            f"the mapping failed: {said(failed, query) if rows.num_rows else failed}",
            next_step="correct the field's `sql` so that it accepts every value, for example with try_cast",
        ) from None
    finally:
        engine.unregister("rows")
