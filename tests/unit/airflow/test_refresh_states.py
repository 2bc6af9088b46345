"""A system refresh whose declarations change while it runs. Airflow's own scheduling decides."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from sluice.airflow.refresh import refresh_dag
from tests.builders import World
from tests.unit.airflow.scheduler import Act, Scheduled, make_tables, store

pytestmark = pytest.mark.slow
SEGMENTS = {
    "adults": "adults: {dataset: people, where: age >= 18}",
    "old": "old: {dataset: people, where: age >= 65}",
    "rich_old": "rich_old: {dataset: people, where: id in (select id from old), reads: [old]}",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    people = "people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}"
    world.declare({"catalog/datasets.yaml": people})
    declare(world, *SEGMENTS)
    make_tables()
    return world


def declare(world: World, *segments: str) -> None:
    world.declare({"catalog/segments.yaml": "\n".join(SEGMENTS[name] for name in segments)})


@pytest.mark.parametrize("left", [("adults", "rich_old"), ("adults",)], ids=["one that another reads", "both"])
def test_a_segment_that_goes_during_a_refresh_stops_no_other(world: World, left: tuple[str, ...]) -> None:
    ran: list[str] = []

    def note(_: Scheduled, task: str) -> str:
        ran.append(task)
        return "success"

    def goes(run: Scheduled) -> str:
        declare(world, *left)
        store(refresh_dag(world.include))
        return note(run, "segment__adults")

    dag = refresh_dag(world.include)
    store(dag)
    acts: dict[str, Act] = {task: partial(note, task=task) for task in dag.task_dict}
    run = Scheduled(dag, acts | {"segment__adults": goes}, run_id=f"manual__{len(left)}")

    assert run.run() == "success"
    assert run.states["segment__rich_old"] == "removed"
    assert ran[-2:] == ["refreshed", "record_failure"]
