"""SQL expressions of users: each is checked to be one expression, so that it cannot change the statement around it."""

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
    """An expression that computes one value per row from the row's columns."""

    text: str
    """The user's text."""
    named: frozenset[str]
    """The names in it that must be columns, as written; `*` for all columns."""
    perhaps: frozenset[str] = field(default=frozenset())
    """The names before a `->`: a column that contains JSON, or the parameter of a lambda."""

    def columns(self, names: Names) -> list[str]:
        """The columns that it reads, in the spelling of the data. A name that is not a column stays as written. Raises
        `DefinitionError` if a name is ambiguous."""
        own = {names.own(name) or name for name in self.named - {"*"}}
        return sorted(own | {found for name in self.perhaps if (found := names.own(name))})

    def over(self, names: Names) -> str:
        """The expression as a part of a statement, with the engine's column names."""
        if names.are_plain:
            return enclosed(self.text)
        with parser() as engine:
            return enclosed(respelled(engine, f"select {self.text}", names).removeprefix("select "))


def enclosed(text: str) -> str:
    """A user's expression as a part of a statement. The line break ends a comment at its end."""
    return f"({text}\n)"


def one_expression(text: str) -> Tree:
    """The parsed tree of a text that is one expression. Raises `DefinitionError` if it is anything else.

    The text must parse on its own, so it cannot close a parenthesis that it did not open. In parentheses it must be the
    same single value, so no clause can follow it."""
    try:
        with parser() as engine:
            select = parse(engine, f"select {text}")
            enclosing = parse(engine, f"select {enclosed(text)}")
    except NotOneSelectError as wrong:
        raise _no_expression(text, str(wrong)) from None
    items = without_places(select["node"].get("select_list"))
    if len(items) != 1 or items[0]["alias"] or items != without_places(enclosing["node"].get("select_list")):
        raise _no_expression(text, "it is a list, or has an alias")
    return select


def row_expression(text: str) -> Expression:
    """An expression over one row's columns.

    Raises `DefinitionError` if it is not one expression, or if its value could depend on anything except its row. Rows
    are computed in batches, so an aggregate or a window would see only some rows, and a retry must give the same value
    as the first attempt.
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
        next_step="write one DuckDB expression on the dataset's columns, such as upper(city)",
    )


_BEYOND = {
    "WINDOW": "a window function",
    "SUBQUERY": "a subquery",
    "PARAMETER": "a parameter",
    "POSITIONAL_REFERENCE": "a column number",
}


def _refuse_beyond_row(node: Tree, text: str) -> None:
    name = node.get("function_name")
    what = _BEYOND.get(node["class"]) or (f"{name}()" if name in _fickle() else None)
    if what:
        raise DefinitionError(
            f"{text!r} uses {what}, whose value does not depend on its row alone",
            next_step="compute it upstream, in the dataset, and use the column here",
        )


@cache
def _fickle() -> frozenset[str]:
    """The functions whose value depends on other rows or on the time of the call, and the macros that use them."""
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
