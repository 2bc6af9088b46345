"""Which tables a segment's query reads, told from its syntax: before any of them is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.errors import DefinitionError
from sluice.sql.tree import NotOneSelectError, parse, parts

if TYPE_CHECKING:
    import duckdb


def tables_read(engine: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    """The tables that one SELECT reads, in lower case as declared names are; names it defines itself are left out.
    Raises DuckDB's own error where it does not parse, `DefinitionError` where it is anything but one SELECT."""
    engine.extract_statements(query)
    try:
        found = list(parts(parse(engine, query)))
    except NotOneSelectError:
        raise DefinitionError(
            "a segment's SQL is one SELECT, and nothing else",
            next_step="write one query whose first column holds the members' keys",
        ) from None
    own = {entry["key"].lower() for part in found if "cte_map" in part for entry in part["cte_map"]["map"]}
    return {part["table_name"].lower() for part in found if part.get("type") == "BASE_TABLE"} - own
