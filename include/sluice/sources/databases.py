"""The rows of one SELECT, from PostgreSQL or through any DB-API driver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sluice.errors import DefinitionError, FatalError, RetriableError, SluiceError
from sluice.foreign import said, sqlstate
from sluice.model.access import SqlAccess
from sluice.sources import postgres
from sluice.sources.widening import unify

if TYPE_CHECKING:
    import pyarrow as pa

POSTGRES = ("postgres", "postgresql")
"""Airflow's types of connections to it."""
_FETCHED = 20_000
"""Rows asked of a DB-API cursor at once."""


def query_rows(access: SqlAccess, query: str, *, origin: str) -> Iterator[pa.Table]:
    """The query's rows; at least one table, which may be empty. Raises `DefinitionError` where the query is wrong,
    `FatalError` where we are not let in, `RetriableError` where the server is out of reach or goes away; all name
    `origin`."""
    native = access.conn_type in POSTGRES
    try:
        connection = postgres.connect(access) if native else access.connect()
    except Exception as error:
        raise _not_let_in(error, access, origin) from None
    read = postgres.tables if native else _fetched
    try:
        with closing(connection):
            yield from read(connection, query)
    except SluiceError as error:
        raise type(error)(f"{origin}: {error.what}", next_step=error.next_step) from error
    except Exception as error:
        raise _failed(error, query, origin) from error


def _fetched(connection: Any, query: str) -> Iterator[pa.Table]:
    """Through the database's DB-API driver: the one way here on which each row passes through Python."""
    import pyarrow as pa

    cursor = connection.cursor()
    cursor.execute(query)
    names = [column[0] for column in cursor.description]
    schema = pa.schema([pa.field(name, pa.null()) for name in names])
    first = cursor.fetchmany(_FETCHED)
    for rows in chain([first], iter(lambda: cursor.fetchmany(_FETCHED), [])):
        table = _table(names, rows)
        wider, clash = unify(schema, table.schema)
        if clash:
            raise FatalError(
                f"column {clash!r} holds values of types that do not go together",
                next_step="cast it to one type in the source's `query`",
            )
        schema = wider
        yield table.cast(schema)


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
_PASSES = ("08", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATE that may pass: connections, transactions, resources, operators, the system."""
_WORDS = re.compile(r"no such (?:table|column)|syntax error|does not exist|doesn't exist", re.I)
_NAMES = re.compile(r"""(["'`]).*?\1""")


def _not_let_in(error: Exception, access: SqlAccess, origin: str) -> SluiceError:
    """No row has been read: the driver's own words, without the password and the cause that holds it."""
    text = str(error).strip()
    if password := urlsplit(access.uri).password:
        text = text.replace(password, "...").replace(unquote(password), "...")
    said_of_us = _NAMES.sub("", text)
    if sqlstate(error).startswith(_REFUSED) or "authentication failed" in said_of_us:
        return FatalError(f"{origin}: {text}", next_step="check the connection's login, password and rights")
    if _kinds(error) & _WRONG or _WORDS.search(said_of_us):
        return DefinitionError(f"{origin}: {text}", next_step="check the connection's host and database")
    return RetriableError(f"{origin}: {text}")


def _failed(error: Exception, query: str, origin: str) -> SluiceError:
    """What a statement came to: the database's code, and of its words those that hold no value."""
    what, state, kinds = f"{origin}: {said(error, query)}{_line(error)}", sqlstate(error), _kinds(error)
    words = _WORDS.search(_NAMES.sub("", str(error).partition("\n")[0]))
    sqlite = getattr(error, "sqlite_errorname", "") == "SQLITE_ERROR"
    if state.startswith(_REFUSED):
        return FatalError(what, next_step="check the connection's login, password and rights")
    if state.startswith(("42", "3D", "3F", "0A")) or (not state and (kinds & _WRONG or words)):
        return DefinitionError(what, next_step="correct the source's `table` or `query`")
    if (state and not state.startswith(_PASSES)) or kinds & {"DataError", "IntegrityError", "ValueError"} or sqlite:
        return FatalError(
            what,
            next_step="run the query in the database, which names the value; cast the column in the source's `query`",
        )
    return RetriableError(what)


def _kinds(error: Exception) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _line(error: Exception) -> str:
    """The line of the query that PostgreSQL points at: ours stands in a SELECT that begins one line above."""
    found = re.search(r"\nLINE (\d{1,6}): ", str(error))
    return f", in line {int(found[1]) - 1} of the query" if found and sqlstate(error) else ""
