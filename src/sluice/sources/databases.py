"""The rows of one SELECT, from PostgreSQL or through a DB-API driver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sluice.errors import DefinitionError, FatalError, RetriableError, SluiceError
from sluice.foreign import said, sqlstate
from sluice.memory import budget
from sluice.model.access import SqlAccess
from sluice.model.weight import weight
from sluice.sources.postgres.reach import Reach
from sluice.sources.postgres.rows import tables
from sluice.sources.postgres.session import connect, session
from sluice.sources.widening import unify
from sluice.sql import quote
from sluice.sql.names import doubled

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_postgresql.dbapi import Cursor

POSTGRES = ("postgres", "postgresql")
"""Airflow connection types for PostgreSQL."""
_FETCHED, _FIRST = 20_000, 100
"""Rows per fetch from a DB-API cursor: the maximum, and the first fetch, which shows how large the rows are."""


def query_rows(access: SqlAccess, query: str, *, origin: str, reach: Reach | None = None) -> Iterator[pa.Table]:
    """The query's rows as at least one table, which may be empty. In PostgreSQL, only the rows within `reach`. Raises
    the errors of `connected` and `explaining`."""
    with connected(access, origin) as connection, explaining(query, origin):
        if access.conn_type in POSTGRES:
            yield from tables(connection, query, reach)
        else:
            yield from _fetched(connection, query)


@contextmanager
def asking(access: SqlAccess, table: str, column: str, origin: str) -> Iterator[Cursor]:
    """A cursor for questions about a PostgreSQL table and its column. Raises the errors of `connected` and
    `explaining`."""
    ours = f"{quote(column)} of {table}"
    with connected(access, origin) as connection, explaining(ours, origin), session(connection) as cursor:
        yield cursor


@contextmanager
def connected(access: SqlAccess, origin: str) -> Iterator[Any]:
    """A connection of the database's driver. Raises `FatalError` if the login is refused, `DefinitionError` if the
    database does not exist, and `RetriableError` if the server is unreachable. All of them name `origin`."""
    try:
        connection = connect(access) if access.conn_type in POSTGRES else access.connect()
    except Exception as error:
        raise _not_let_in(error, access, origin) from None
    with closing(connection):
        yield connection


@contextmanager
def explaining(query: str, origin: str) -> Iterator[None]:
    """Translate the driver's errors. Raises `DefinitionError` if the query is wrong, `FatalError` if it fails on a
    value or a permission is missing, and `RetriableError` if the server goes away. All of them name `origin`, and
    none contains a value."""
    try:
        yield
    except SluiceError as error:
        raise type(error)(f"{origin}: {error.what}", next_step=error.next_step) from error
    except Exception as error:
        raise _failed(error, query, origin) from error


def _fetched(connection: Any, query: str) -> Iterator[pa.Table]:
    """The rows through a DB-API driver. Of all sources, only here does every row pass through Python."""
    import pyarrow as pa

    cursor = connection.cursor()
    cursor.execute(query)
    names = [column[0] for column in cursor.description]
    if twice := doubled(names):
        raise DefinitionError(
            f"two columns of the result are named {twice!r}",
            next_step="give one of them another name in the source's `query`",
        )
    schema = pa.schema([pa.field(name, pa.null()) for name in names])
    count, size = _FIRST, 0
    # `size` is 0 only before the first table, so a result without rows still yields one.
    while (rows := cursor.fetchmany(count)) or not size:
        table = _table(names, rows)
        size = max(size, weight(table) // max(len(rows), 1), 1)
        count = max(1, min(_FETCHED, budget().table // size))
        wider, clash = unify(schema, table.schema)
        if clash:
            raise FatalError(
                f"column {clash.column!r} holds values of incompatible types",
                next_step="cast it to one type in the source's `query`",
            )
        schema = wider
        yield table.cast(schema)


def _table(names: list[str], rows: list[Any]) -> pa.Table:
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.Table.from_arrays([_array(list(values)) for values in columns], names=names)


def _array(values: list[Any]) -> pa.Array:
    """Python values as Arrow infers them; values of unknown or mixed types become text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


_WRONG = {"ProgrammingError", "InterfaceError", "NotSupportedError"}
_REFUSED = ("28", "42501")
"""SQLSTATE of a refused login, and of missing permissions."""
_MISTAKEN = ("42", "0A", "3D", "3F")
"""SQLSTATE classes of a query that the database cannot run, whatever its rows are."""
_PASSING = ("08", "40", "53", "55", "57", "58", "XX")
"""SQLSTATE classes that a retry may not meet: lost connections, conflicts, too few resources."""
_WORDS = re.compile(r"no such (?:table|column)|syntax error|does not exist|doesn't exist", re.I)
_NAMES = re.compile(r"""(["'`]).*?\1""")
_RIGHTS = "check the connection's login, password and permissions"


def _not_let_in(error: Exception, access: SqlAccess, origin: str) -> SluiceError:
    """The driver's own message, which is safe because no row has been read yet. Without the password, and without the
    cause, whose text may contain it."""
    text = str(error).strip()
    if password := urlsplit(access.uri).password:
        text = text.replace(password, "...").replace(unquote(password), "...")
    unquoted = _NAMES.sub("", text)
    if sqlstate(error).startswith(_REFUSED) or "authentication failed" in unquoted:
        return FatalError(f"{origin}: {text}", next_step=_RIGHTS)
    if _kinds(error) & _WRONG or _WORDS.search(unquoted):
        return DefinitionError(f"{origin}: {text}", next_step="check the connection's host and database")
    return RetriableError(f"{origin}: {text}")


def _failed(error: Exception, query: str, origin: str) -> SluiceError:
    """The error of a failed statement: the database's error code, and only the parts of its message that hold no
    value."""
    what, state, kinds = f"{origin}: {said(error, query)}{_line(error, query)}", sqlstate(error), _kinds(error)
    words = _WORDS.search(_NAMES.sub("", str(error).partition("\n")[0]))
    sqlite = getattr(error, "sqlite_errorname", "") == "SQLITE_ERROR"
    if state.startswith(_REFUSED):
        return FatalError(what, next_step=_RIGHTS)
    if state.startswith(_MISTAKEN) or (not state and (kinds & _WRONG or words)):
        return DefinitionError(what, next_step="correct the source's `table` or `query`")
    if (state and not state.startswith(_PASSING)) or kinds & {"DataError", "IntegrityError", "ValueError"} or sqlite:
        return FatalError(
            what,
            next_step="run the query in the database, which shows the value; then cast the column in the source's"
            " `query`",
        )
    return RetriableError(what)


def _kinds(error: Exception) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _line(error: Exception, query: str) -> str:
    """The line of the query that PostgreSQL points at. The query is wrapped in a SELECT that starts one line above it,
    so the reported number is one too high."""
    found = re.search(r"\nLINE (\d{1,6}): ", str(error))
    line = int(found[1]) - 1 if found and sqlstate(error) else 0
    return f", in line {line} of the query" if 0 < line <= len(query.splitlines()) else ""
