"""Which segments PostgreSQL evaluates, and what it does with their keys."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.columns.engines import of_engine
from sluice.errors import FatalError
from sluice.refresh.evaluate import rule_of
from sluice.refresh.pushdown import in_database
from sluice.sources.databases import asking
from sluice.sources.postgres.session import row_of
from tests.contract.engines.cases import UNLIKE
from tests.contract.engines.worlds import World
from tests.integration.stack import until
from tests.servers.postgres import Database


@pytest.mark.parametrize("where", UNLIKE)
def test_what_may_differ_stays_in_duckdb(world: World, where: str) -> None:
    reads = ["orders"] if "orders" in where else []
    project = world.project(some={"where": where, "reads": reads})
    tables = ["people", *reads]
    segment = project.segments["some"]
    assert UNLIKE[where] in str(
        in_database(segment, rule_of(segment, project.datasets["people"]), tables, project, world)
    )


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"sql": "select id as until from odd group by id having until = 1"}, "calls something until"),
        ({"where": "mood = 'a'"}, "bpchar"),
        ({"where": "price > 2"}, "numeric"),
        ({"where": "id in (select id from far)", "dataset": "people", "reads": ["far"]}, "several connections"),
        ({"where": "id in (select id from more)", "dataset": "people", "reads": ["more"]}, "segment more"),
    ],
    ids=str,
)
def test_types_and_tables_elsewhere_stay_in_duckdb(world: World, spec: dict[str, Any], why: str) -> None:
    project = world.project(some={"dataset": "odd", **spec}, more={"where": "true"})
    segment = project.segments["some"]
    tables = [segment.dataset, *segment.reads]
    chosen = in_database(segment, rule_of(segment, project.datasets[segment.dataset]), tables, project, world)
    assert isinstance(chosen, str)
    assert why in chosen


@pytest.mark.slow
def test_a_segment_without_an_engine_goes_where_it_may(world: World) -> None:
    pushed, _ = world.evaluate(where="n > 5")
    kept, _ = world.evaluate(where="abs(n) > 5")
    assert (pushed.engine, pushed.why) == ("PostgreSQL", "")
    assert (kept.engine, kept.why) == ("DuckDB", "it uses abs()")


def test_check_says_why_a_segment_over_one_database_stays_in_duckdb(world: World) -> None:
    project = world.project(
        types={"dataset": "odd", "where": "mood = 'a'"},
        functions={"where": "abs(n) > 5"},
        demanded={"dataset": "odd", "where": "price > 2", "engine": "database"},
        told={"where": "abs(n) > 5", "engine": "duckdb"},
        pushed={"where": "n > 5"},
        misspelt={"where": "nn > 5", "engine": "database"},
    )
    known = {
        name: dataset.source.open(world, dataset=name).columns()
        for name, dataset in project.datasets.items()
        if name in ("people", "odd")
    }
    said = {
        (finding.subject[1], finding.note): finding.what.rpartition(": ")[2]
        for segment in project.segments.values()
        for finding in of_engine(segment, project, known, world)
    }
    assert said == {
        ("types", True): "it compares mood, whose type is bpchar",
        ("functions", True): "it uses abs()",
        ("demanded", False): "it compares price, whose type is numeric",
        ("misspelt", False): "nn is no column, or not clearly one",
    }


@pytest.mark.slow
def test_keys_of_any_type_are_written_as_they_would_be_delivered(world: World) -> None:
    _, members = world.evaluate(dataset="odd", where='ci = \'B\' and "a""b; -- c" = 2', engine="database")
    assert members.to_pylist() == ["00000000-0000-0000-0000-00000000000b"]
    assert members.type == pa.string()


@pytest.mark.slow
def test_a_key_that_cannot_be_delivered_is_an_error_that_names_its_column(world: World) -> None:
    with pytest.raises(FatalError, match="'until' of type date holds `infinity`"):
        world.evaluate(dataset="odd", sql="select until from odd", engine="database")


@pytest.mark.slow
def test_no_row_is_copied_to_staging(world: World) -> None:
    written, _ = world.evaluate(where="n > 5", engine="database")
    assert world.staged() == {Path(written.path).name, "current.json"}


def test_a_query_ends_with_the_task_that_was_killed(database: Database) -> None:
    """The database would go on for a task that is gone."""
    query = "select pg_sleep(600)"
    text = (
        "from sluice.model.access import SqlAccess; from sluice.sources import databases;"
        "from sluice.sources.postgres import session; session._LOOKED_AFTER = '100ms';"
        f"access = SqlAccess(uri={database.access().uri!r}, conn_type='postgres', connect=None);"
        f"list(databases.query_rows(access, {query!r}, origin='it'))"
    )

    def runs() -> bool:
        with asking(database.access(), "people", "id", "it") as cursor:
            return bool(row_of(cursor, "select count(*) from pg_stat_activity where query ~ 'pg_sleep.600'")[0] > 1)

    with subprocess.Popen([sys.executable, "-c", text]) as task:
        until("the query to run", runs)
        task.kill()
    until("the query to end", lambda: not runs())
