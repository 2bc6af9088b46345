"""Discovers the tables of a SQL database from its `information_schema`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from sluice.discovery.files import Unreadable
from sluice.discovery.found import Found, Guess, dataset_name
from sluice.discovery.guess import SAMPLE, guess_key, guess_kind
from sluice.errors import FatalError, SluiceError
from sluice.model.access import Connections, SqlAccess
from sluice.sources.databases import query_rows
from sluice.sources.sql import Sql
from sluice.sql import literal, quote

if TYPE_CHECKING:
    import pyarrow as pa

_TABLES = """
    select table_schema, table_name from information_schema.tables
    where lower(table_schema) not in ('information_schema', 'pg_catalog', 'sys', 'performance_schema')
    order by table_schema, table_name
"""
_KEYS = """
    select k.table_schema, k.table_name, k.column_name
    from information_schema.table_constraints t join information_schema.key_column_usage k
      on k.constraint_schema = t.constraint_schema and k.constraint_name = t.constraint_name
      and k.table_schema = t.table_schema and k.table_name = t.table_name
    where t.constraint_type = 'PRIMARY KEY'
"""
_DEFAULT = ("public",)
"""Schemas that table names leave out."""


def tables_of(
    connections: Connections, conn_id: str, access: SqlAccess, schema: str | None
) -> Iterator[Found | Unreadable]:
    """The tables and views that the connection's user can see, in one schema or in all. Raises `FatalError` if there
    are none, and the errors of `query_rows`."""
    ask = partial(_rows, access, origin=f"connection {conn_id}")
    keys = defaultdict(list)
    for place, table, column in ask(_KEYS):
        keys[place, table].append(column)
    listed = [(place, table) for place, table in ask(_TABLES) if schema in (None, place)]
    if not listed:
        raise FatalError(
            f"connection {conn_id}: no tables found{f' in the schema {schema}' if schema else ''}",
            known=sorted({place for place, _ in ask(_TABLES)}),
            next_step="check the schema and the permissions of the connection's user",
        )
    for place, table in listed:
        yield _found(connections, conn_id, access, (place, table), keys[place, table])


def _rows(access: SqlAccess, query: str, *, origin: str) -> list[tuple[str, ...]]:
    tables = query_rows(access, query, origin=origin)
    return [tuple(row.values()) for table in tables for row in table.to_pylist()]


def _found(
    connections: Connections, conn_id: str, access: SqlAccess, place: tuple[str, str], primary: list[str]
) -> Found | Unreadable:
    schema, table = place
    named = table if schema in _DEFAULT else f"{schema}.{table}"
    source = {"type": "sql", "airflow_conn_id": conn_id, "table": named}
    try:
        columns = Sql.model_validate(source).open(connections, dataset=named).columns().schema
        if len(primary) == 1:
            key, keyed = Guess(primary[0], "its primary key"), True
        else:
            key, keyed = guess_key(table, columns, lambda column: _sample(access, place, column, conn_id))
    except SluiceError as error:
        return Unreadable(named, error)
    return Found(dataset_name(table), source, columns, guess_kind(table, columns, keyed=keyed), key)


def _sample(access: SqlAccess, place: tuple[str, str], column: str, conn_id: str) -> pa.ChunkedArray:
    """Values of the column, from the first rows that the database returns."""
    import pyarrow as pa

    of = ".".join(map(quote, place))
    query = f"select {quote(column)} from {of} limit {literal(SAMPLE)}"  # noqa: S608 - quoted, from the catalog
    return pa.concat_tables(query_rows(access, query, origin=f"connection {conn_id}")).column(0)
