"""The rows of a PostgreSQL query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sluice.sources.postgres.columns import Column, column_of
from sluice.sources.postgres.reach import Reach, condition
from sluice.sources.postgres.session import session, stream

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_postgresql.dbapi import Connection, Cursor


def tables(connection: Connection, query: str, reach: Reach | None = None) -> Iterator[pa.Table]:
    """The query's rows, limited to `reach` if given, as at least one table, which may be empty. Raises `FatalError` if
    a value does not fit its column's delivered type."""
    import pyarrow as pa

    with session(connection) as cursor:
        described = _schema(cursor, query)
        columns = [column_of(field) for field in described]
        known = reach is not None and reach.column in described.names
        where = condition(cursor, query, described.field(reach.column).type, reach) if reach and known else ""
        expressions = [one.select for one in columns] + [one.dimensions for one in columns if one.dimensions]
        cursor.execute(f"select {', '.join(expressions)} from (\n{query}\n) as rows {where}")  # noqa: S608
        schema = pa.schema([pa.field(one.name, one.type) for one in columns])
        yield schema.empty_table()
        for batch in stream(cursor):
            yield pa.Table.from_arrays(_delivered(columns, batch), schema=schema)


def columns_of(cursor: Cursor, query: str) -> list[Column]:
    """The query's columns."""
    return [column_of(field) for field in _schema(cursor, query)]


def _schema(cursor: Cursor, query: str) -> pa.Schema:
    """The query's columns as the driver describes them."""
    cursor.execute(f"select * from (\n{query}\n) as rows limit 0")  # noqa: S608 - the declaration's own query
    return stream(cursor).schema


def _delivered(columns: list[Column], batch: pa.RecordBatch) -> list[pa.Array]:
    lists = [one for one in columns if one.dimensions]
    for number, column in enumerate(lists, len(columns)):
        column.refuse_nested(batch.column(number))
    return [column.delivered(batch.column(number)) for number, column in enumerate(columns)]
