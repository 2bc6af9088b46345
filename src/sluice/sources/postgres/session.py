"""A connection to PostgreSQL whose answers depend on the data alone, and not on who asks from where."""

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
    "datestyle": "ISO",  # how dates are written; how a query's own literals are read stays the database's
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "quote_all_identifiers": "off",
}
"""What decides how a value becomes text. The database, the role and the worker's environment may each say otherwise.
`lc_monetary` is not among them: it says how many decimals a stored amount of money has."""
_BATCH_BYTES = 16 * 2**20


def connect(access: SqlAccess) -> Connection:
    import adbc_driver_postgresql.dbapi as adbc

    return adbc.connect(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", access.uri))


@contextmanager
def session(connection: Connection) -> Iterator[Cursor]:
    """A cursor in a transaction, each of whose statements sees what was committed when it began."""
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
        cursor.execute("set transaction isolation level read committed")
        row_of(cursor, "select " + ", ".join(f"set_config('{name}', '{to}', true)" for name, to in PINNED.items()))
        yield cursor


def stream(cursor: Cursor) -> RecordBatchReader:
    """The answer to what was executed. ADBC's public reader is Arrow's own, whose errors carry no SQLSTATE."""
    return cast("RecordBatchReader", cursor._results.reader)


def row_of(cursor: Cursor, query: str) -> tuple[Any, ...]:
    """The one row of an answer."""
    cursor.execute(query)
    row: tuple[Any, ...] = cursor.fetchone()
    return row
