"""The tables that a segment's query reads, found in its syntax tree, before any of them is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.errors import DefinitionError
from sluice.sql.tree import NotOneSelectError, parse, parts

if TYPE_CHECKING:
    import duckdb


def tables_read(engine: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    """The tables that one SELECT reads, in lower case like declared names, without the names of its own CTEs.

    Raises DuckDB's own error if it does not parse, `DefinitionError` if it is not exactly one SELECT."""
    engine.extract_statements(query)
    try:
        found = list(parts(parse(engine, query)))
    except NotOneSelectError:
        raise DefinitionError(
            "a segment's SQL must be exactly one SELECT",
            next_step="write one query whose first column holds the members' keys",
        ) from None
    own = {entry["key"].lower() for part in found if "cte_map" in part for entry in part["cte_map"]["map"]}
    return {part["table_name"].lower() for part in found if part.get("type") == "BASE_TABLE"} - own
