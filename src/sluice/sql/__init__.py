"""SQL on DuckDB: engines, and what people write for them."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def quote(identifier: str) -> str:
    """An identifier as SQL text."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: str | int | float | bool) -> str:  # noqa: FBT001 - a constant may be a truth value
    """A constant as SQL text."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def connect(
    *, threads: int = 1, memory: str = "", spill: str = "", as_written: bool = False, errors_as_json: bool = False
) -> duckdb.DuckDBPyConnection:
    """An engine for a declaration's own SQL: in memory, without any reach outside it but `spill`, the folder where it
    puts what exceeds `memory` (`1GB`). `as_written` keeps joins the way round they are written: the rows of the first
    table come out in its order. `errors_as_json` makes the text of an error a JSON object, with its subtype. Close
    it."""
    import duckdb

    bounds = {"memory_limit": memory, "temp_directory": spill} if memory else {}
    bounds |= {"errors_as_json": "true"} if errors_as_json else {}
    engine = duckdb.connect(config={"threads": threads, "enable_external_access": "false", **bounds})
    if as_written:
        engine.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
    # A zone of the machine's would make the same row differ between two workers; names of Python's are no tables.
    engine.execute("set timezone = 'UTC'; set python_enable_replacements = false; set lock_configuration = true")
    return engine


def parser() -> duckdb.DuckDBPyConnection:
    """A cursor of the one engine that only reads SQL text: an engine for each text would cost 20 ms. Close it."""
    return _parser(os.getpid()).cursor()


@cache
def _parser(process: int) -> duckdb.DuckDBPyConnection:  # noqa: ARG001 - an engine does not survive a fork
    return connect()
