"""Translates a parsed DuckDB query for another engine, if it means the same there.

Only what is listed here is translated. Every name is resolved here and written with its table, and every comparison is
made independent of the engine's settings: text compares by its bytes, times are in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sluice.sql import parser
from sluice.sql.names import fold
from sluice.sql.translation.clauses import refuse_clauses
from sluice.sql.translation.relation import Relation
from sluice.sql.translation.scopes import Scopes, Tables
from sluice.sql.translation.spelling import Kind, Spelling, UnlikeError
from sluice.sql.translation.terms import Term, alike, constant, demand, moment
from sluice.sql.tree import Tree, parse

_COMPARISONS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "is distinct from",
    "COMPARE_NOT_DISTINCT_FROM": "is not distinct from",
}
_TIMES: dict[str, Kind] = {
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "timestamp with time zone": "timestamptz",
}
_SUMMED = ("whole", "decimal", "unknown")
_ORDERED = (*_SUMMED, "text", "date", "timestamp", "timestamptz")


@dataclass
class Dialect:
    """One translation."""

    relations: Mapping[str, Relation]
    """The tables that may be read, by their names in lower case."""
    spelling: Spelling
    _scopes: Scopes = field(default_factory=Scopes)
    _tables: int = 0
    _joins: bool = False
    """Whether the condition of a JOIN is translated."""
    _groups: bool = False
    """Whether aggregates may stand here."""

    def keys(self, tree: Tree) -> str:
        """A whole query, which gives one column. Raises `UnlikeError` if it may mean something else to the engine."""
        select = self._select(tree["node"], lambda select_list: self._key(select_list, tree["node"]["modifiers"]))
        queries = [one for one in self.relations.values() if one.query]
        named = ", ".join(f"{one.from_} as (select * from (\n{one.query}\n) as rows)" for one in queries)  # noqa: S608
        return f"with {named}\n{select}" if named else select

    def _key(self, select_list: Sequence[Tree], modifiers: Sequence[Tree]) -> str:
        """The only column. Its type may be any, because it is not compared here; DISTINCT would compare it."""
        if len(select_list) != 1 or select_list[0]["class"] != "COLUMN_REF":
            raise UnlikeError("it selects something else than one column")
        name, relation, own = self._scopes.resolved(select_list[0]["column_names"])
        column = relation.columns[own] if relation.columns is not None else None
        kind, quoted = column.kind if column else None, self.spelling.name(own)
        spelled = self.spelling.key(f"{name}.{quoted}", column) if column else f"{name}.{quoted}"
        return f"{'distinct ' if modifiers and kind in _ORDERED else ''}{spelled} as {quoted}"

    def _select(self, node: Tree, selected: Callable[[Sequence[Tree]], str]) -> str:
        refuse_clauses(node)
        with self._scope() as scope:
            tables = self._from(node["from_table"], scope)
            what = selected(node["select_list"])
            where = f" where {self._condition(node['where_clause'])}" if node["where_clause"] else ""
            if node["group_expressions"] or node["having"]:
                self._refuse_aliases(node["select_list"])
            groups = [self._term(one) for one in node["group_expressions"]]
            for one in groups:
                demand(one, _ORDERED, "it groups by")
            grouped = f" group by {', '.join(one.sql for one in groups)}" if groups else ""
            having = f" having {self._having(node['having'])}" if node["having"] else ""
        return f"select {what} from {tables}{where}{grouped}{having}"  # noqa: S608 - every part is translated

    def _refuse_aliases(self, select_list: Sequence[Tree]) -> None:
        """In GROUP BY and HAVING, a name may mean a column or what SELECT calls so: the engines choose differently."""
        tables = [table for _, table in self._scopes.innermost.values()]
        for alias in filter(None, (one["alias"] for one in select_list)):
            if any(table.columns and table.has(alias) for table in tables):
                raise UnlikeError(f"it calls something {alias}, as a column is called")

    def _having(self, node: Tree) -> str:
        self._groups = True
        try:
            return self._condition(node)
        finally:
            self._groups = False

    @contextmanager
    def _scope(self) -> Iterator[Tables]:
        groups, self._groups = self._groups, False
        try:
            with self._scopes.inner(near=not self.spelling.nests_freely) as tables:
                yield tables
        finally:
            self._groups = groups

    def _from(self, node: Tree, scope: Tables) -> str:
        if node.get("sample"):
            raise UnlikeError("it samples rows")
        if node["type"] == "JOIN":
            return self._join(node, scope)
        called = node.get("table_name", "").lower()
        plain = node["type"] == "BASE_TABLE" and not (node["column_name_alias"] or node["at_clause"])
        if not plain or node["schema_name"] or called not in self.relations:
            raise UnlikeError("its FROM lists something else than datasets")
        alias = fold(node["alias"] or called)
        if alias in scope:
            raise UnlikeError(f"two tables are called {alias}")
        self._tables += 1
        name, relation = f"t{self._tables}", self.relations[called]
        scope[alias] = (name, relation)
        return f"{relation.from_} as {name}"

    def _join(self, node: Tree, scope: Tables) -> str:
        kind = {"INNER": "join", "LEFT": "left join"}.get(node["join_type"])
        if kind is None or node["ref_type"] not in ("REGULAR", "CROSS") or node["using_columns"] or node["alias"]:
            raise UnlikeError("it joins in another way than JOIN ... ON and LEFT JOIN ... ON")
        left, right = self._from(node["left"], scope), self._from(node["right"], scope)
        self._joins = True
        on = self._condition(node["condition"]) if node["condition"] else "true"
        self._joins = False
        return f"({left} {kind} {right} on {on})"

    def _condition(self, node: Tree) -> str:
        return self._truth(node).sql

    def _truth(self, node: Tree) -> Term:
        term = self._term(node)
        demand(term, ("bool", "null", "unknown"), "its condition is")
        return term

    def _term(self, node: Tree) -> Term:
        if node.get("alias"):
            raise UnlikeError("it names a part of a condition")
        translate = _TERMS.get(node["class"])
        if translate is None:
            raise UnlikeError(f"it uses {str(node['class']).lower().replace('_', ' ')}")
        return translate(self, node)

    def _value(self, node: Tree) -> Term:
        """A term that is compared with another one."""
        term = self._term(node)
        if term.found and not self.spelling.nests_freely:
            raise UnlikeError("it compares the answer of IN with a subquery")
        return term

    def _alike(self, *nodes: Tree) -> list[str]:
        return alike(self.spelling, *map(self._value, nodes))

    def _column(self, node: Tree) -> Term:
        name, relation, own = self._scopes.resolved(node["column_names"])
        spelled = f"{name}.{self.spelling.name(own)}"
        if relation.columns is None:
            return Term(spelled, "unknown")
        column = relation.columns[own]
        if column.kind is None:
            raise UnlikeError(f"it compares {own}, whose type is {column.spelled or 'unknown'}")
        return Term(self.spelling.column(spelled, column.kind), column.kind)

    def _constant(self, node: Tree) -> Term:
        return constant(node["literal"]["kind"], node["literal"]["text"], self.spelling)

    def _cast(self, node: Tree) -> Term:
        """A date or a time: `date '2026-01-01'`. No other value is cast."""
        kind = _TIMES.get(node["type_expr"].get("type_name", "").lower())
        inner = node["child"]
        if kind is None or node["try_cast"] or inner["class"] != "CONSTANT" or inner["literal"]["kind"] != "STRING":
            raise UnlikeError("it casts a value")
        return moment(inner["literal"]["text"], kind, self.spelling)

    def _conjunction(self, node: Tree) -> Term:
        word = " and " if node["type"] == "CONJUNCTION_AND" else " or "
        parts = [self._truth(one) for one in node["children"]]
        return Term(f"({word.join(one.sql for one in parts)})", "bool", found=any(one.found for one in parts))

    def _comparison(self, node: Tree) -> Term:
        left, right = self._alike(node["left"], node["right"])
        return Term(f"({left} {_COMPARISONS[node['type']]} {right})", "bool")

    def _between(self, node: Tree) -> Term:
        terms = self._alike(*(node[part] for part in ("input", "lower", "upper")))
        return Term("({} between {} and {})".format(*terms), "bool")

    def _operator(self, node: Tree) -> Term:
        kind, children = node["type"], node["children"]
        if kind == "OPERATOR_NOT":
            inner = self._truth(children[0])
            return Term(f"(not {inner.sql})", "bool", found=inner.found)
        if kind in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"):
            what = "is null" if kind == "OPERATOR_IS_NULL" else "is not null"
            return Term(f"({self._value(children[0]).sql} {what})", "bool")
        if kind in ("COMPARE_IN", "COMPARE_NOT_IN"):
            first, *rest = self._alike(*children)
            return Term(f"({first} {'in' if kind == 'COMPARE_IN' else 'not in'} ({', '.join(rest)}))", "bool")
        raise UnlikeError(f"it uses {str(kind).removeprefix('OPERATOR_').lower().replace('_', ' ')}")

    def _subquery(self, node: Tree) -> Term:
        if self._joins and not self.spelling.nests_freely:
            raise UnlikeError("it uses a subquery in ON")
        inner = node["subquery"]["node"]
        if node["subquery_type"] == "EXISTS":
            return Term(f"exists ({self._select(inner, _anything)})", "bool")
        if node["subquery_type"] != "ANY" or node["comparison_type"] != "COMPARE_EQUAL":
            raise UnlikeError("it uses a subquery in another way than IN and EXISTS")
        child = self._value(node["child"])
        compared: list[str] = []

        def one_column(select_list: Sequence[Tree]) -> str:
            if len(select_list) != 1 or select_list[0]["class"] != "COLUMN_REF":
                raise UnlikeError("a subquery selects something else than one column")
            compared.extend(alike(self.spelling, child, self._column(select_list[0])))
            return compared[1]

        select = self._select(inner, one_column)
        return Term(f"({compared[0]} in ({select}))", "bool", found=True)

    def _function(self, node: Tree) -> Term:
        name = node["function_name"]
        arguments = [one["expression"] for one in node["arguments"]]
        if node["filter"] or node["order_bys"]["orders"] or node["schema"]:
            raise UnlikeError(f"it uses {name}() with FILTER, ORDER BY or a schema")
        if name in ("~~", "!~~"):
            return self._like(name, arguments)
        if name in ("+", "-", "*") and not node["distinct"]:
            return self._arithmetic(name, arguments)
        if self._groups and name in ("count_star", "count", "min", "max", "sum"):
            return self._aggregate(name, arguments, distinct=node["distinct"])
        raise UnlikeError(f"it uses {name}()" if node["is_operator"] is False else f"it uses the operator {name}")

    def _like(self, name: str, arguments: Sequence[Tree]) -> Term:
        """A constant pattern without `_`: the engines may count characters differently. No character escapes."""
        value, pattern = map(self._value, arguments)
        if pattern.text is None or {value.kind, pattern.kind} - {"text", "unknown"} or "_" in pattern.text:
            raise UnlikeError("it uses LIKE with another pattern than a constant without `_`")
        return Term(self.spelling.like(value.sql, pattern.text, negated=name == "!~~"), "bool")

    def _arithmetic(self, operator: str, arguments: Sequence[Tree]) -> Term:
        """Whole numbers, without the bounds of their types: where DuckDB gives a number, it is this one."""
        terms = [self._term(one) for one in arguments]
        for term in terms:
            demand(term, ("whole", "unknown"), f"it uses {operator} on")
        numbers = [self.spelling.number(term.sql, "whole") for term in terms]
        signed = f"({operator if len(terms) == 1 else ''}{f' {operator} '.join(numbers)})"
        return Term(self.spelling.computed(signed), "whole")

    def _aggregate(self, name: str, arguments: Sequence[Tree], *, distinct: bool) -> Term:
        if name == "count_star":
            return Term("count(*)", "whole")
        self._groups = False
        term = self._term(arguments[0])
        self._groups = True
        if len(arguments) != 1 or (distinct and name != "count"):
            raise UnlikeError(f"it uses {name}() with DISTINCT or several arguments")
        demand(term, _SUMMED if name == "sum" else _ORDERED, f"it uses {name}() of")
        if name == "count":
            return Term(f"count({'distinct ' if distinct else ''}{term.sql})", "whole")
        return Term(self.spelling.sum(term.sql, term.kind) if name == "sum" else f"{name}({term.sql})", term.kind)


_TERMS: dict[str, Callable[[Dialect, Tree], Term]] = {
    "COLUMN_REF": Dialect._column,
    "CONSTANT": Dialect._constant,
    "CAST": Dialect._cast,
    "CONJUNCTION": Dialect._conjunction,
    "COMPARISON": Dialect._comparison,
    "BETWEEN": Dialect._between,
    "OPERATOR": Dialect._operator,
    "SUBQUERY": Dialect._subquery,
    "FUNCTION": Dialect._function,
}


def translate(rule: str, relations: Mapping[str, Relation], spelling: Spelling) -> str:
    """A rule in another engine's SQL. Raises `UnlikeError` if it may mean something else there."""
    with parser() as engine:
        tree = parse(engine, rule)
    return Dialect(relations, spelling).keys(tree)


def _anything(select_list: Sequence[Tree]) -> str:
    """What EXISTS selects does not matter, unless it is an aggregate, which always gives a row."""
    if any(one["class"] not in ("CONSTANT", "COLUMN_REF", "STAR") for one in select_list):
        raise UnlikeError("a subquery of EXISTS computes something")
    return "1"
