"""A delivery whose columns differ from those of the delivery before."""

from __future__ import annotations

import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.delivery.report.schemas import Schemas, differences
from sluice.errors import HeldError
from tests.builders import World

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/nightly.yaml": "{kind: dataset-export, connection: out, datasets: [people], mode: full}",
}
BEFORE = pa.table({"id": [1], "name": ["Ann"], "age": pa.array([30], pa.int32())})
AFTER = pa.table({"id": [1], "age": pa.array([30], pa.int64()), "mail": ["a@example.com"]})
CHANGES = (
    "people: column name is gone",
    "people: column age was int32, and is int64",
    "people: column mail (string) is new",
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", BEFORE)
    return world


def replace(world: World, table: pa.Table) -> None:
    [file] = (world.root / "lake" / "people").glob("*.parquet")
    pq.write_table(table, file)


def remembered(world: World) -> Schemas:
    plan = world.plan("nightly")
    return Schemas.of(plan.staging, "nightly", world)


def test_a_change_is_a_warning_and_is_remembered(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        first = world.run("nightly", "manual__1")
        same = world.run("nightly", "manual__2")
        assert (first.warnings, same.warnings) == ((), ())
        replace(world, AFTER)
        changed = world.run("nightly", "manual__3")
    assert changed.warnings == tuple(f"{what} since the last delivery: the run continues" for what in CHANGES)
    [change] = remembered(world).last().history
    assert (change.run, change.changes) == ("manual__3", CHANGES)
    assert world.run("nightly", "manual__4").warnings == ()


def test_a_project_holds_such_runs(world: World) -> None:
    world.declare({"project.yaml": "guardrails: {schema_change: hold}"})
    world.run("nightly", "manual__1")
    replace(world, AFTER)
    with pytest.raises(HeldError, match="column name is gone"):
        world.run("nightly", "manual__2")
    assert len(remembered(world).last().feeds["people"]) == 3, "nothing was delivered"
    assert len(world.run("nightly", "manual__3", release=True).warnings) == len(CHANGES)


def test_a_project_switches_it_off(world: World) -> None:
    world.declare({"project.yaml": "guardrails: {schema_change: 'off'}"})
    world.run("nightly", "manual__1")
    replace(world, AFTER)
    assert world.run("nightly", "manual__2").warnings == ()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": "int64", "b": "string"}, []),
        ({"b": "string", "a": "int64"}, []),
        ({"a": "int64"}, ["column b is gone"]),
        ({"a": "int64", "b": "string", "c": "date32"}, ["column c (date32) is new"]),
        ({"a": "int32", "b": "string"}, ["column a was int64, and is int32"]),
    ],
)
def test_differences_of_one_column(columns: dict[str, str], expected: list[str]) -> None:
    assert list(differences({"a": "int64", "b": "string"}, columns)) == expected
    assert list(differences(None, columns)) == []
