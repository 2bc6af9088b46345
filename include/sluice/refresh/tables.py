"""Which tables a segment's query reads, told from its syntax: before any of them is opened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sluice.errors import DefinitionError

if TYPE_CHECKING:
    import duckdb


def tables_read(engine: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    """The tables that one SELECT reads, in lower case as declared names are; names it defines itself are left out.
    Raises DuckDB's own error where it does not parse, `DefinitionError` where it is anything but one SELECT."""
    engine.extract_statements(query)
    found = engine.execute("select json_serialize_sql(?)", [query]).fetchall()
    tree = json.loads(found[0][0])
    if tree["error"] or len(tree["statements"]) != 1:
        raise DefinitionError(
            "a segment's SQL is one SELECT, and nothing else",
            next_step="write one query whose first column holds the members' keys",
        )
    nodes = list(_nodes(tree["statements"]))
    own = {entry["key"].lower() for node in nodes if "cte_map" in node for entry in node["cte_map"]["map"]}
    return {node["table_name"].lower() for node in nodes if node.get("type") == "BASE_TABLE"} - own


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)
    elif isinstance(tree, dict):
        yield tree
        for child in tree.values():
            yield from _nodes(child)
