"""The parsed tree of SQL text, from DuckDB's own parser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

Tree = dict[str, Any]


class NotOneSelectError(ValueError):
    """The text does not parse, or is not exactly one SELECT. The message is the parser's."""


def parse(engine: duckdb.DuckDBPyConnection, text: str) -> Tree:
    """Parse a text that is one SELECT. Raises `NotOneSelectError`."""
    found = engine.execute("select json_serialize_sql(?)", [text]).fetchall()
    tree = json.loads(found[0][0])
    if tree["error"]:
        raise NotOneSelectError(tree.get("error_message", "it cannot be read"))
    if len(tree["statements"]) != 1:
        raise NotOneSelectError("more than one statement")
    select: Tree = tree["statements"][0]
    return select


def without_end(text: str) -> str:
    """A statement without its final semicolon and the comments after it."""
    import duckdb

    whole = text.encode()
    end = len(whole)
    for start, kind in reversed(duckdb.tokenize(text)):
        if whole[start : start + 1] == b";":
            end = start
        elif kind != duckdb.token_type.comment:
            break
    return whole[:end].decode()


def parts(tree: Any) -> Iterator[Tree]:
    """Yield every part of a parsed statement, outermost first: expressions, tables, clauses."""
    if isinstance(tree, list):
        for child in tree:
            yield from parts(child)
    elif isinstance(tree, dict):
        yield tree
        for child in tree.values():
            yield from parts(child)


def expressions(tree: Any) -> Iterator[Tree]:
    """Yield every expression of a parsed statement, outermost first."""
    return (part for part in parts(tree) if "class" in part)


def parameters(node: Tree) -> list[str]:
    """The parameter names of a lambda; empty for any other expression."""
    if node.get("class") != "LAMBDA":
        return []
    return [name for inner in expressions(node["lhs"]) for name in inner.get("column_names", ())[:1]]


def without_places(tree: Any) -> Any:
    """The tree without positions in the text, so that trees of equivalent texts are equal."""
    if isinstance(tree, list):
        return [without_places(child) for child in tree]
    if not isinstance(tree, dict):
        return tree
    return {key: without_places(child) for key, child in tree.items() if not key.startswith("query_location")}
