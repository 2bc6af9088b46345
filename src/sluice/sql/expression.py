"""SQL expressions as people write them: each becomes a part of a larger statement, and of nothing but that part."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from sluice.errors import DefinitionError
from sluice.sql import parser
from sluice.sql.names import Names
from sluice.sql.spelling import respelled
from sluice.sql.tree import NotOneSelectError, Tree, expressions, parameters, parse, without_places


@dataclass(frozen=True)
class Expression:
    """One value of each row, computed from the row's columns."""

    text: str
    """As it was written."""
    named: frozenset[str]
    """What it names that must be columns, as written; `*` where it takes all."""
    perhaps: frozenset[str] = field(default=frozenset())
    """What stands before a `->`: a column that holds JSON, or the parameter of a lambda."""

    def columns(self, names: Names) -> list[str]:
        """The columns that it reads, in their own spelling; what is no column stays as it is written. Raises
        `DefinitionError` where a name could mean either of two columns."""
        own = {names.own(name) or name for name in self.named - {"*"}}
        return sorted(own | {found for name in self.perhaps if (found := names.own(name))})

    def over(self, names: Names) -> str:
        """The expression as a part of a statement, in the engine's names for columns."""
        if names.are_plain:
            return enclosed(self.text)
        with parser() as engine:
            return enclosed(respelled(engine, f"select {self.text}", names).removeprefix("select "))


def enclosed(text: str) -> str:
    """An expression of someone else's as a part of a statement: it may end in a comment."""
    return f"({text}\n)"


def one_expression(text: str) -> Tree:
    """What the parser makes of a text that is one expression. Raises `DefinitionError` where it is anything else.

    Alone it parses, so that it closes no parenthesis but its own; and between parentheses it is the same one value, so
    that no clause stands behind it."""
    try:
        with parser() as engine:
            select = parse(engine, f"select {text}")
            enclosing = parse(engine, f"select {enclosed(text)}")
    except NotOneSelectError as wrong:
        raise _no_expression(text, str(wrong)) from None
    items = without_places(select["node"].get("select_list"))
    if len(items) != 1 or items[0]["alias"] or items != without_places(enclosing["node"].get("select_list")):
        raise _no_expression(text, "it is a list, or gives itself a name")
    return select


def row_expression(text: str) -> Expression:
    """An expression over one row's columns.

    Raises `DefinitionError` where it is not one expression, or where its value could depend on anything but its row:
    rows are computed a table at a time, so an aggregate or a window would see some rows and not others, and a retry
    must give the same value as the first try.
    """
    nodes = list(expressions(one_expression(text)))
    for node in nodes:
        _refuse_beyond_row(node, text)
    lambdas = [node for node in nodes if node["class"] == "LAMBDA"]
    own = {name for node in lambdas for name in parameters(node)}
    arrows = {name for node in lambdas if node.get("syntax_type") == "SINGLE_ARROW" for name in parameters(node)}
    named = {name for node in nodes for name in _names(node)} - own
    return Expression(text, frozenset(named), frozenset(arrows))


def _no_expression(text: str, why: str) -> DefinitionError:
    return DefinitionError(
        f"not a SQL expression: {text!r}: {why}",
        next_step="write one DuckDB expression over the dataset's columns, such as upper(city)",
    )


_BEYOND = {
    "WINDOW": "a window function",
    "SUBQUERY": "a subquery",
    "PARAMETER": "a parameter",
    "POSITIONAL_REFERENCE": "a column's number",
}


def _refuse_beyond_row(node: Tree, text: str) -> None:
    name = node.get("function_name")
    what = _BEYOND.get(node["class"]) or (f"{name}()" if name in _fickle() else None)
    if what:
        raise DefinitionError(
            f"{text!r} uses {what}, whose value is not the row's own",
            next_step="compute it upstream, in the dataset, and select the column here",
        )


@cache
def _fickle() -> frozenset[str]:
    """Functions, and macros made of them, whose value depends on other rows or on the moment."""
    with parser() as engine:
        return frozenset(name for (name,) in engine.execute(_FICKLE).fetchall())


_FICKLE = r"""
    with fickle as (
        select distinct function_name as name from duckdb_functions()
        where function_type = 'aggregate' or function_type = 'scalar' and stability <> 'CONSISTENT'
        union all select 'unnest'
    )
    select name from fickle
    union
    select function_name from duckdb_functions() join fickle
        on name similar to '\w+' and regexp_matches(macro_definition, '\b' || name || '\(')
    where function_type = 'macro'
"""


def _names(node: Tree) -> list[str]:
    names: list[str] = node.get("column_names", [])[:1]
    return ["*"] if node["class"] == "STAR" else names
