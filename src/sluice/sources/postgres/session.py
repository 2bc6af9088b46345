"""PostgreSQL sessions whose results depend only on the data, not on settings of the role, database or worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from sluice.model.access import SqlAccess

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection, Cursor
    from pyarrow import RecordBatchReader

PINNED = {
    "client_encoding": "UTF8",
    "timezone": "UTC",
    "datestyle": "ISO",  # only how dates are written; how literals are read stays the database's setting
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "quote_all_identifiers": "off",
}
"""Settings that decide how values become text. The database, the role and the worker's environment may each override
them. `lc_monetary` stays unpinned, because it determines how many decimals a stored amount of money has."""
_LOOKED_AFTER = "10s"
"""How often the server looks whether the task is still there: otherwise a query outlives a task that was killed."""
_LOOK = """(
    select set_config(name, '{every}', true) from pg_catalog.pg_settings
    where name = 'client_connection_check_interval' and pg_catalog.version() like '%linux%'
)"""
"""Servers before PostgreSQL 14, and those on other systems, cannot look."""
_BATCH_BYTES = 16 * 2**20


def connect(access: SqlAccess) -> Connection:
    """Connect through ADBC. Accepts Airflow's and SQLAlchemy's spellings of the URI."""
    import adbc_driver_postgresql.dbapi as adbc

    return adbc.connect(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", access.uri))


@contextmanager
def session(connection: Connection) -> Iterator[Cursor]:
    """A cursor in a transaction with pinned settings. Each statement sees the data committed when it starts."""
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
        cursor.execute("set transaction isolation level read committed")
        pinned = [f"set_config('{name}', '{to}', true)" for name, to in PINNED.items()]
        row_of(cursor, f"select {', '.join([*pinned, _LOOK.format(every=_LOOKED_AFTER)])}")
        yield cursor


def stream(cursor: Cursor) -> RecordBatchReader:
    """The result of the executed statement. Uses ADBC's internal reader, because errors of the public one carry no
    SQLSTATE."""
    return cast("RecordBatchReader", cursor._results.reader)


def row_of(cursor: Cursor, query: str) -> tuple[Any, ...]:
    """Execute a query that returns one row, and return the row."""
    cursor.execute(query)
    row: tuple[Any, ...] = cursor.fetchone()
    return row
