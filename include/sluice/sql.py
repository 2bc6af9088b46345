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


def connect(
    *, threads: int = 1, memory: str = "", spill: str = "", as_written: bool = False
) -> duckdb.DuckDBPyConnection:
    """An engine for a declaration's own SQL: in memory, without any reach outside it but `spill`, the folder where it
    puts what exceeds `memory` (`1GB`). `as_written` keeps joins the way round they are written: the rows of the first
    table come out in its order. Close it."""
    import duckdb

    bounds = {"memory_limit": memory, "temp_directory": spill} if memory else {}
    engine = duckdb.connect(config={"threads": threads, "enable_external_access": "false", **bounds})
    if as_written:
        engine.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
    # A zone of the machine's would make the same row differ between two workers; names of Python's are no tables.
    engine.execute("set timezone = 'UTC'; set python_enable_replacements = false; set lock_configuration = true")
    return engine


def columns_read(expression: str) -> set[str]:
    """The columns that an expression names, as written; `*` where it names all.

    Raises `DefinitionError` where it is not one expression, or where its value could depend on anything but its row:
    rows are computed a table at a time, so an aggregate or a window would see some rows and not others, and a retry
    must give the same value as the first try.
    """
    with connect() as engine:
        found = engine.execute("select json_serialize_sql(?)", [f"select {expression}"]).fetchone()
        fickle = {name for (name,) in engine.execute(_FICKLE).fetchall()}
    tree = json.loads(found[0]) if found else {}
    if tree.get("error") or len(tree["statements"]) != 1:
        raise DefinitionError(
            f"not a SQL expression: {expression!r}: {tree.get('error_message', 'more than one statement')}",
            next_step="write one DuckDB expression over the dataset's columns, such as upper(city)",
        )
    nodes = list(_nodes(tree["statements"]))
    for node in nodes:
        _refuse_beyond_row(node, fickle, expression)
    own = {name for node in nodes if node["class"] == "LAMBDA" for name in _names(node.get("lhs"))}
    return {name for node in nodes for name in _names(node)} - own


_FICKLE = """
    select distinct function_name from duckdb_functions()
    where function_type = 'aggregate' or function_type = 'scalar' and stability <> 'CONSISTENT'
"""
_BEYOND = {"WINDOW": "a window function", "SUBQUERY": "a subquery", "PARAMETER": "a parameter"}


def _refuse_beyond_row(node: dict[str, Any], fickle: set[str], expression: str) -> None:
    name = node.get("function_name")
    what = _BEYOND.get(node["class"]) or (f"{name}()" if name in fickle or name == "unnest" else None)
    if what:
        raise DefinitionError(
            f"{expression!r} uses {what}, whose value is not the row's own",
            next_step="compute it upstream, in the dataset, and select the column here",
        )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every expression of a parsed statement, from the outside in."""
    if isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)
    elif isinstance(tree, dict):
        if "class" in tree:
            yield tree
        for child in tree.values():
            yield from _nodes(child)


def _names(node: dict[str, Any] | None) -> list[str]:
    if node is None:
        return []
    return ["*"] if node["class"] == "STAR" else node.get("column_names", [])[:1]
