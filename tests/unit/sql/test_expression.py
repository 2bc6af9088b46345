"""One expression and nothing but one: what leaves its parentheses, or depends on other rows, is refused."""

from __future__ import annotations

import pytest

from sluice.errors import DefinitionError
from sluice.sql.expression import one_expression, row_expression
from sluice.sql.names import Names

LEAVES = [
    'c) as "X" from rows where d > 2 --',
    "c) as x from rows, (select 1",
    "c) union all (select c",
    "c), (d",
    "c, d",
    "c as x",
    "c x",
    "c from rows",
    "c where d > 2",
    "c group by c",
    "c having true",
    "c qualify true",
    "c order by d",
    "c limit 1",
    "c using sample 10%",
    "c union all select d",
    "distinct c",
    "all c",
    "distinct on (d) c",
    "with x as (select 1) select 1",
    "c; drop table rows",
    "c)",
    "(c",
    "c /*",
    "",
    "-- c",
]


@pytest.mark.parametrize("text", LEAVES)
def test_what_is_more_or_less_than_one_expression_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match="not a SQL expression"):
        row_expression(text)
    with pytest.raises(DefinitionError, match="not a SQL expression"):
        one_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "upper(c) -- a comment",
        "/* first */ c /* last */",
        "c\n\n-- the end",
        "c::int",
        "'a) from b --'",
        "$$a) as x from y --$$",
        "case when c then 'from' else e'\\')' end",
        "(c)",
        "{'a': c, 'b': [1, 2]}",
    ],
)
def test_one_expression_is_taken_as_it_is_written(text: str) -> None:
    found = row_expression(text)
    assert found.named <= {"c"}
    assert found.over(Names(["c"])) == f"({text}\n)"


@pytest.mark.parametrize(
    "text",
    [
        "sum(c)",
        "geomean(c)",
        "json_group_array(c)",
        "#1",
        "unnest([1])",
        "regexp_split_to_table(c, ',')",
        "c in (from x)",
    ],
)
def test_a_value_of_more_than_the_row_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match="does not depend on its row alone"):
        row_expression(text)


def test_a_condition_may_read_other_tables() -> None:
    assert one_expression("c in (select d from t where e > 1) -- members")


def test_an_arrow_may_stand_behind_a_column_or_a_parameter() -> None:
    names = Names(["doc", "l"])
    assert row_expression("doc -> '$.a'").columns(names) == ["doc"]
    assert row_expression("list_transform(L, x -> x + 1)").columns(names) == ["l"]
    assert row_expression("list_transform(l, lambda x: x + 1)").columns(names) == ["l"]


def test_names_are_taken_in_their_own_spelling_and_unknown_ones_as_written() -> None:
    assert row_expression("upper(MAIL) || Nmae").columns(Names(["mail", "name"])) == ["Nmae", "mail"]
