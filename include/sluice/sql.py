"""SQL expressions over one row's columns, in DuckDB's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sluice.errors import DefinitionError

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


def connect() -> duckdb.DuckDBPyConnection:
    """An engine for expressions: in memory, one thread, no reach outside it."""
    import duckdb

    engine = duckdb.connect(config={"threads": 1, "enable_external_access": "false"})
    # A zone of the machine's would make the same row differ between two workers.
    engine.execute("set timezone = 'UTC'; set lock_configuration = true")
    return engine


def columns_read(expression: str) -> set[str]:
    """The columns that an expression names, as written. Raises `DefinitionError` where it is not one expression."""
    with connect() as engine:
        found = engine.execute("select json_serialize_sql(?)", [f"select {expression}"]).fetchone()
    tree = json.loads(found[0]) if found else {}
    if tree.get("error") or len(tree["statements"]) != 1:
        raise DefinitionError(
            f"not a SQL expression: {expression!r}: {tree.get('error_message', 'more than one statement')}",
            next_step="write one DuckDB expression over the dataset's columns, such as upper(city)",
        )
    return set(_columns(tree["statements"]))


def _columns(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for child in node:
            yield from _columns(child)
    elif isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            yield node["column_names"][-1] if len(node["column_names"]) == 1 else node["column_names"][0]
        if node.get("class") == "STAR":
            yield "*"
        for child in node.values():
            yield from _columns(child)
