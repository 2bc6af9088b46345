"""Filter expressions as conditions of segments, and what has no counterpart."""

from __future__ import annotations

import duckdb
import pytest

from sluice.definition.models.catalog import Dataset, Segment
from sluice.errors import DefinitionError
from sluice.workbench.blocks import EXPORT_FILE
from sluice.workbench.exports import Files, Project, Read, export_of
from sluice.workbench.filters import condition_of
from sluice.workbench.parse import Entry, parse
from sluice.workbench.report import Report
from sluice.workbench.source import Source
from tests.unit.workbench.samples import EXPORT

SOURCE = {"type": "parquet", "airflow_conn_id": "lake", "path": "v"}
VISITORS = Dataset.model_validate(
    {"name": "visitors", "kind": "profile", "key": "id", "source": SOURCE, "columns": {"page_name": {}}}
)
SEGMENTS = {
    "home-visitors": Segment(name="home-visitors", dataset="visitors", where="true"),
    "of-others": Segment(name="of-others", dataset="others", where="true"),
}


def entry(expression: str) -> Entry:
    escaped = expression.replace("\\", "\\\\").replace('"', '\\"')
    text = f"Query = SegmentExportQuery:\n  Filter = string: {escaped}\n"
    return parse(Source("User.export", text.encode()), EXPORT_FILE).entries["Query"].entries["Filter"]


@pytest.mark.parametrize(
    ("expression", "members"),
    [
        ('City="A"', [1]),
        ('City<>"A"', [2, 3, 4]),
        ('City != "A" and Page_Name="/x"', [2]),
        ('City="A" or City="B" and Page_Name="no"', [1]),
        ('(City="A" or City="B") and not Page_Name="/x"', [1]),
        ('not City="A"', [2, 3, 4]),
        ('Page_Name matches ".*x.*"', [2, 3]),
        ('Page_Name notmatches "/x"', [1, 3, 4]),
        ("True", [1, 2, 3, 4]),
        ("not (False or City=\u201cA\u201d)", [2, 3, 4]),
        ('Home_Visitors and City="B"', [2]),
        ("NOT home_visitors", [3, 4]),
        ('City="it\'s"', []),
    ],
)
def test_expressions_choose_the_rows_that_they_say(expression: str, members: list[int]) -> None:
    where, reads = condition_of(entry(expression), VISITORS, SEGMENTS)

    with duckdb.connect() as engine:
        rows = "(1, 'A', '/y'), (2, 'B', '/x'), (3, null, 'ax'), (4, 'C', null)"
        engine.execute(f'create table visitors as from (values {rows}) t(id, "City", page_name)')
        engine.execute('create table "home-visitors" as select unnest([1, 2]) as id')
        found = engine.execute(f"select id from visitors where {where} order by id").fetchall()  # noqa: S608
    assert [row[0] for row in found] == members
    assert reads == (("home-visitors",) if "ome" in expression else ())


@pytest.mark.parametrize(
    ("expression", "column", "said"),
    [
        ("Month=#0", 26, "`#` counts elements"),
        ('Month < "Jul"', 26, "`<` compares by order"),
        ('Page="/home" by Visitor', 35, "`by` relates two dimensions"),
        ("any Page_View", 20, "`any` relates two dimensions"),
        ("no Page_View", 20, "`no` relates two dimensions"),
        ('City="A" and', 34, "expected a dimension or a filter, not the end"),
        ('(City="A"', 31, "expected `)`"),
        ('City="A" City="B"', 31, "expected `and`, `or` or the end, not `City`"),
        ('City=A"', 25, "expected a value in quotes"),
        ("home_visitor and True", 20, "no segment of `visitors` is named `home_visitor`"),
        ("of_others and True", 20, "no segment of `visitors` is named `of_others`"),
        ("(" * 60, 61, "nested more than 40 levels"),
    ],
)
def test_what_has_no_counterpart_is_refused_where_it_stands(expression: str, column: int, said: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        condition_of(entry(expression), VISITORS, SEGMENTS)

    page = raised.value.page()
    assert page.startswith(f"User.export:2:{column}  ")
    assert said in page
    assert "nothing was written" in page


def test_a_named_filter_is_a_segment_of_the_level() -> None:
    read = read_with("Home Visitors")
    assert read.values["segments"] == ["home-visitors"]

    both = read_with("Home_Visitors and not home_visitors")
    assert both.values["segments"] == ["user"]

    with pytest.raises(DefinitionError) as raised:
        read_with("Hme Visitors")
    assert "did you mean: home-visitors" in raised.value.page()


def read_with(name: str) -> Read:
    text = EXPORT.replace("Filter = string:", f"Filter = string: {name}").replace("Page View", "Visitors")
    project = Project({"visitors": VISITORS}, dict(SEGMENTS))
    return export_of("User", parse(Source("User.export", text.encode()), EXPORT_FILE), project, Files(), Report())
