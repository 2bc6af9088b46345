"""Rewrites a statement with the engine's names of columns.

The rewrite follows the parsed tree: only references to columns are replaced. The result is parsed again to check that
nothing else has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from sluice.errors import DefinitionError
from sluice.sql import quote
from sluice.sql.names import Names, fold, unclear
from sluice.sql.tree import Tree, expressions, parameters, parse, parts, without_places

if TYPE_CHECKING:
    import duckdb

_TABLES = {"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION", "CTE"}
"""The types of tables in which column names are only names. PIVOT and DESCRIBE turn them into values."""
_BARE = ("using_columns", "column_name_alias", "aliases")
"""The keys of a parsed statement with column names that have no position in the text."""
_CHOOSES = ("expr", "exclude_list", "replace_list", "rename_list", "qualified_exclude_list")


def respelled(engine: duckdb.DuckDBPyConnection, text: str, names: Names) -> str:
    """Rewrite the SELECT with the engine's names of columns. Raises `DefinitionError` if a name is ambiguous, and
    `NotOneSelectError` if the text is not a SELECT."""
    if names.are_plain:
        return text
    tree = parse(engine, text)
    _refuse_fields(tree, names)
    if names.are_own:
        return text
    tables = set(_tables(tree))
    _refuse_unclear(tree, names, tables)
    changed = [(node, own) for node in expressions(tree) if (own := _own(node, names, tables)) is not None]
    for node, own in changed:
        node["column_names"] = own
    spelled = _written(text, changed)
    if without_places(parse(engine, spelled)) != without_places(tree):
        raise DefinitionError(
            f"columns that differ only in case cannot be distinguished in {text!r}",
            next_step="simplify the SQL, or rename one of the columns upstream",
        )
    return spelled


def _own(node: Tree, names: Names, tables: set[str]) -> list[str] | None:
    """The reference with the engine's names; None if it stays unchanged. Its first name may be a table's."""
    if node["class"] != "COLUMN_REF":
        return None
    written: list[str] = node["column_names"]
    place = 1 if len(written) > 1 and fold(written[0]) in tables else 0
    spelled = names.twins.get(fold(written[place]))
    if spelled is None:
        return None
    if written[place] not in spelled or (place and fold(written[0]) in names.twins):
        raise unclear(written[place], spelled)
    return [*written[:place], names[written[place]], *written[place + 1 :]]


def _written(text: str, changed: Iterable[tuple[Tree, list[str]]]) -> str:
    """The text with these references replaced, from the end so that positions stay valid. The parser counts bytes."""
    whole = text.encode()
    for node, own in sorted(changed, key=lambda one: -int(one[0]["query_location"])):
        start = int(node["query_location"])
        end = start + int(node["query_location_length"])
        whole = whole[:start] + ".".join(map(quote, own)).encode() + whole[end:]
    return whole.decode()


def _tables(tree: Tree) -> Iterator[str]:
    """The names of tables in the statement."""
    for part in parts(tree):
        if "class" not in part and "alias" in part:
            yield from (fold(part[key]) for key in ("alias", "table_name") if part.get(key))
        if "cte_map" in part:
            yield from (fold(entry["key"]) for entry in part["cte_map"]["map"])


def _refuse_unclear(tree: Tree, names: Names, tables: set[str]) -> None:
    for part in parts(tree):
        bare = [part["alias"]] if isinstance(part.get("alias"), str) else []
        for word in chain(bare, *(part.get(key) or () for key in _BARE), parameters(part)):
            if fold(word) in names.twins:
                raise unclear(word, names.twins[fold(word)])
        if what := _made_of_names(part, names, tables):
            pairs = "; ".join(" and ".join(map(repr, spelled)) for spelled in names.twins.values())
            raise DefinitionError(
                f"the SQL uses {what}, but there are columns whose names differ only in case: {pairs}",
                next_step="list the columns with their exact spelling, or rename one of them upstream",
            )


def _made_of_names(part: Tree, names: Names, tables: set[str]) -> str | None:
    """The construct that turns column names into values, or selects columns by name; None if there is none."""
    if part.get("class") == "STAR" and any(part.get(key) for key in _CHOOSES):
        return "a star that selects columns by name"
    if part.get("class") == "COLUMN_REF" and len(part["column_names"]) == 1:
        word = part["column_names"][0]
        return "whole rows as values" if fold(word) in tables and word not in names else None
    is_table = "class" not in part and {"alias", "sample", "type"} <= part.keys()
    return f"{part['type']}" if is_table and part["type"] not in _TABLES else None


def _refuse_fields(tree: Tree, names: Names) -> None:
    """Refuse struct fields that differ only in case: DuckDB always uses the first one, for any spelling."""
    if not names.inner:
        return
    words = list(_words(tree))
    read = {fold(word) for word in words}
    for column, fields in names.inner.items():
        for word in words if fold(column) in read else ():
            if fold(word) in fields:
                raise unclear(word, (f"{column}.{name}" for name in fields[fold(word)]))


def _words(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _words(child)
