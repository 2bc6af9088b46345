"""From a dataset's rows to the delivered rows: select, rename, compute, hash."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluice.definition.fields import FieldSpec
from sluice.errors import DefinitionError, FatalError, about
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
    query: str | None = None
    """The SELECT over the table `rows`; None where columns only change their names, or nothing changes."""
    _engines: threading.local = field(default_factory=threading.local, repr=False)

    def apply(self, table: pa.Table) -> pa.Table:
        """The delivered rows of these rows, in their order. Raises `FatalError` where an expression fails on a
        value."""
        if self.columns is None:
            return table
        if self.query is None:
            return table.select(list(self.columns)).rename_columns(self.schema.names)
        return _run(self._engine(), self.query, table)

    def _engine(self) -> object:
        if not hasattr(self._engines, "value"):
            self._engines.value = connect()
        return self._engines.value


def compile_fields(fields: Sequence[FieldSpec] | None, schema: pa.Schema, *, dataset: str) -> Mapper:
    """The mapper of a feed; every column as it is where `fields` is None. Raises `DefinitionError` where a field
    names a column that the dataset does not have, or its SQL does not compile."""
    if fields is None:
        return Mapper(columns=None, schema=schema)
    columns = _columns(fields, schema, dataset)
    required = tuple(_origin(spec) for spec in fields if spec.required)
    if all(spec.field is not None and spec.hash is None for spec in fields):
        import pyarrow as pa

        delivered = pa.schema(
            [schema.field(spec.field).with_name(spec.output) for spec in fields if spec.field is not None]
        )
        plain = tuple(spec.field for spec in fields if spec.field is not None)
        return Mapper(columns=plain, schema=delivered, required=required)
    select = ", ".join(f"{_value(spec)} as {quote(spec.output)}" for spec in fields)
    query = f"select {select} from rows"  # noqa: S608 - the declaration's own SQL, in an engine that reaches nothing
    return Mapper(columns=columns, schema=_compile(query, schema, columns), required=required, query=query)


def _columns(fields: Sequence[FieldSpec], schema: pa.Schema, dataset: str) -> tuple[str, ...]:
    wanted: dict[str, None] = {}
    for index, spec in enumerate(fields):
        with about("fields", index):
            wanted |= dict.fromkeys(_needed(spec, schema, dataset))
    return tuple(wanted)


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


def _value(spec: FieldSpec) -> str:
    origin = _origin(spec)
    return f"sha256(lower(trim(cast({origin} as varchar))))" if spec.hash == "sha256" else origin


def _compile(query: str, schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    import pyarrow as pa

    rows = pa.schema([schema.field(name) for name in columns]).empty_table()
    try:
        with connect() as engine, about("fields"):
            delivered: pa.Schema = _run(engine, query, rows).schema
    except FatalError as failed:
        wrong = DefinitionError(
            f"a field's SQL does not compile: {failed.what}",
            known=list(columns),
            next_step="correct the field's `sql`; it may use the dataset's columns and DuckDB's functions",
        )
        wrong.subject = failed.subject
        raise wrong from failed
    return delivered


def _run(engine: object, query: str, rows: pa.Table) -> pa.Table:
    import duckdb

    assert isinstance(engine, duckdb.DuckDBPyConnection)  # noqa: S101 - narrows a thread-local for the type checker
    try:
        engine.register("rows", rows)
        return engine.sql(query).to_arrow_table()
    except duckdb.Error as failed:
        raise FatalError(
            f"the mapping failed: {failed}",
            next_step="correct the field's `sql` so that it accepts every value, for example with try_cast",
        ) from failed
    finally:
        engine.unregister("rows")
