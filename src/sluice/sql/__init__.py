"""SQL on DuckDB: engines, and the SQL that users write for them."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def quote(identifier: str) -> str:
    """Quote an identifier for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: str | int | float | bool) -> str:  # noqa: FBT001 - a constant may be a truth value
    """Write a constant as SQL."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def connect(
    *, threads: int = 1, memory: str = "", spill: str = "", as_written: bool = False, errors_as_json: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory engine for the SQL of a declaration; the caller closes it.

    The engine has no access to files or the network, except the folder `spill`, for data beyond `memory` (`1GB`).
    `as_written` keeps the order of joins, so the rows of the first table keep their order. `errors_as_json` makes the
    text of errors a JSON object with the error's subtype."""
    import duckdb

    bounds = {"memory_limit": memory, "temp_directory": spill} if memory else {}
    bounds |= {"errors_as_json": "true"} if errors_as_json else {}
    engine = duckdb.connect(config={"threads": threads, "enable_external_access": "false", **bounds})
    if as_written:
        engine.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
    # With the machine's time zone, the same row could differ between two workers. Python variables must not be tables.
    engine.execute("set timezone = 'UTC'; set python_enable_replacements = false; set lock_configuration = true")
    return engine


def parser() -> duckdb.DuckDBPyConnection:
    """A cursor of a shared engine that only parses SQL; the caller closes it. A new engine would cost 20 ms a text."""
    return _parser(os.getpid()).cursor()


@cache
def _parser(process: int) -> duckdb.DuckDBPyConnection:  # noqa: ARG001 - an engine does not survive a fork
    return connect()
