"""Columns that differ only in case, in statements of an engine that ignores case: the exact one, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest

from sluice.errors import DefinitionError
from sluice.sql import connect, quote
from sluice.sql.expression import row_expression
from sluice.sql.names import Names, names_of
from sluice.sql.spelling import respelled

TABLES = {
    "t": pa.table({"id": [1, 2], "Email": ["A", "B"], "email": ["a", "b"], "é": [5, 6]}),
    "u": pa.table({"id": [1, 2], "Email": ["x", "y"], "n": [7, 8]}),
}
NAMES = names_of(*(table.schema for table in TABLES.values()))


def answer(query: str) -> list[Sequence[object]]:
    """What the query finds, spelled anew over tables under the engine's names."""
    with connect() as engine:
        for name, table in TABLES.items():
            engine.register(name, table.rename_columns([NAMES[own] for own in table.column_names]))
        return [*engine.execute(respelled(engine, query, NAMES)).fetchall()]


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("select Email, email from t order by id", [("A", "a"), ("B", "b")]),
        ('select t."email" || é from t where "Email" = \'B\' -- é', [("b6",)]),
        ("select t.email, u.Email from t join u using (id) where n = 8", [("b", "y")]),
        ("with r as (select * from t) select r . Email from r where email = 'a'", [("A",)]),
        ("select id from t where exists (from u where u.id = t.id and t.email = 'b')", [(2,)]),
        ("select max(email) from t group by Email order by Email desc", [("b",), ("a",)]),
        ("select t.* from t where email = 'a'", [(1, "A", "a", 5)]),
        ("select [x for x in [Email, email]] from t where id = 1", [(["A", "a"],)]),
        ("select 'Email', N from u where ID = 1", [("Email", 7)]),
    ],
)
def test_the_exact_spelling_is_the_one_that_is_meant(query: str, right: list[Sequence[object]]) -> None:
    assert answer(query) == right


@pytest.mark.parametrize(
    "query",
    [
        "select EMAIL from t",
        "select t.eMail from t",
        "select n as email from u",
        "select * from t join u using (email)",
        "select * from u as email",
        "with r(a, EMAIL) as (select 1, 2) select a from r",
        "select list_transform([1], lambda email: email + 1)",
    ],
)
def test_a_name_that_could_mean_either_is_refused_with_both(query: str) -> None:
    with pytest.raises(DefinitionError, match="is ambiguous: 'Email' and 'email' differ only in case"):
        answer(query)


@pytest.mark.parametrize(
    "query",
    [
        "select * exclude (email) from t",
        "select columns('e.*') from t",
        "select to_json(t) from t",
        "select id from (describe t)",
        "from (unpivot t on Email, email)",
    ],
)
def test_what_makes_values_of_names_is_refused(query: str) -> None:
    with pytest.raises(DefinitionError, match=r"differ only in case: 'Email' and 'email'|is ambiguous"):
        answer(query)


def test_without_such_columns_a_statement_stays_as_it_is() -> None:
    with connect() as engine:
        assert respelled(engine, "select ID from t", Names(["id"], ["ID"])) == "select ID from t"


def test_the_engines_names_are_nobodys() -> None:
    names = Names(["a", "A", "a (1)", "A (2)"])
    called = [names[own] for own in ("a", "A", "a (1)", "A (2)")]
    assert len({name.lower() for name in called}) == 4
    assert names.free("a") not in names


def test_fields_of_a_struct_that_differ_in_case_alone_are_refused() -> None:
    kind = pa.struct([("zip", pa.int64()), ("Zip", pa.int64()), ("city", pa.string())])
    names = names_of(pa.schema([("home", kind), ("old", pa.list_(kind)), ("Zip", pa.int64())]))
    for sql in ("home.zip", "home.Zip", "struct_extract(home, 'ZIP')", "old[1].zip"):
        with pytest.raises(DefinitionError, match=r"is ambiguous: '(home|old).zip' and '(home|old).Zip'"):
            row_expression(sql).over(names)
    for sql in ("home.city", "home is null", "Zip + 1"):
        assert row_expression(sql).over(names) == f"({sql}\n)"


def test_a_quote_in_a_name_stays_one() -> None:
    names = Names(['a"b', 'A"b'])
    assert row_expression('upper("A""b")').over(names) == f"(upper({quote(names['A' + chr(34) + 'b'])})\n)"
