"""The rows of one SELECT, from PostgreSQL or through any DB-API driver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sluice.errors import DefinitionError, FatalError, RetriableError, SluiceError
from sluice.model.access import SqlAccess
from sluice.sources.postgres.reach import Reach
from sluice.sources.postgres.rows import tables
from sluice.sources.widening import unify
from sluice.sql.names import doubled

if TYPE_CHECKING:
    import pyarrow as pa

POSTGRES = ("postgres", "postgresql")
"""Airflow's types of connections to it."""
_FETCHED = 20_000
"""Rows asked of a DB-API cursor at once."""


def query_rows(access: SqlAccess, query: str, *, origin: str, reach: Reach | None = None) -> Iterator[pa.Table]:
    """The query's rows, in PostgreSQL those within reach; at least one table, which may be empty. Raises what
    `explaining` does."""
    with explaining(access, origin):
        yield from tables(access, query, reach) if access.conn_type in POSTGRES else _fetched(access, query)


@contextmanager
def explaining(access: SqlAccess, origin: str) -> Iterator[None]:
    """Raises `DefinitionError` where a query is wrong, `FatalError` where we are not let in, `RetriableError` where the
    server is out of reach or goes away; all name `origin`."""
    try:
        yield
    except SluiceError as error:
        raise type(error)(f"{origin}: {error.what}", next_step=error.next_step) from error
    except Exception as error:
        raise _explained(error, access, origin) from error


def _fetched(access: SqlAccess, query: str) -> Iterator[pa.Table]:
    """Through the database's DB-API driver: the one way here on which each row passes through Python."""
    import pyarrow as pa

    connection = access.connect()
    try:
        cursor = connection.cursor()
        cursor.execute(query)
        names = [column[0] for column in cursor.description]
        if twice := doubled(names):
            raise DefinitionError(
                f"two columns of the result are named {twice!r}",
                next_step="give one of them another name in the source's `query`",
            )
        schema = pa.schema([pa.field(name, pa.null()) for name in names])
        first = cursor.fetchmany(_FETCHED)
        for rows in chain([first], iter(lambda: cursor.fetchmany(_FETCHED), [])):
            table = _table(names, rows)
            wider, clash = unify(schema, table.schema)
            if clash:
                raise FatalError(
                    f"column {clash.column!r} holds values of types that do not go together",
                    next_step="cast it to one type in the source's `query`",
                )
            schema = wider
            yield table.cast(schema)
    finally:
        connection.close()


def _table(names: list[str], rows: list[Any]) -> pa.Table:
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.Table.from_arrays([_array(list(values)) for values in columns], names=names)


def _array(values: list[Any]) -> pa.Array:
    """Arrow's own reading of Python values; what it does not know, as text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


_WRONG = {"ProgrammingError", "InterfaceError", "NotSupportedError"}
_REFUSED = ("28", "42501")
"""SQLSTATEs of a refused login and of missing rights."""
_MISTAKEN = ("42", "0A", "3D", "3F")
"""Of a query that the database cannot run, whatever its rows: classes of SQLSTATE."""
_PASSING = ("08", "40", "53", "55", "57", "58", "XX")
"""Of what another try may not meet: lost connections, conflicts, too few resources."""
_RIGHTS = "check the connection's login, password and rights"
_QUERY = "correct the source's `table` or `query`"
_CAST = "cast the column that is named in the source's `query`"


def _explained(error: Exception, access: SqlAccess, origin: str) -> SluiceError:
    text = str(error).strip()
    if password := urlsplit(access.uri).password:
        text = text.replace(password, "...")
    kinds = {kind.__name__ for kind in type(error).__mro__}
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""
    if state.startswith(_REFUSED) or "authentication failed" in text:
        return FatalError(f"{origin}: {text}", next_step=_RIGHTS)
    if state and not state.startswith(_PASSING):
        return _by_state(text, state, origin)
    if kinds & _WRONG or re.search(r"no such (table|column)|syntax error|does not exist|doesn't exist", text):
        return DefinitionError(f"{origin}: {text}", next_step=_QUERY)
    if "DataError" in kinds or (isinstance(error, ValueError) and "libpq" not in text):
        return FatalError(f"{origin}: {text}", next_step=_CAST)
    return RetriableError(f"{origin}: {text}")


def _by_state(text: str, state: str, origin: str) -> SluiceError:
    """What will fail again. An error that a row's value causes is told up to the value that it quotes."""
    if state.startswith(_MISTAKEN):
        return DefinitionError(f"{origin}: {text}", next_step=_QUERY)
    told = re.split(r"[\"']", text.splitlines()[0])[0].rstrip(": ")
    return FatalError(f"{origin}: {told} (SQLSTATE {state})", next_step="correct the value in the source's `query`")
