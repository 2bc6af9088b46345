"""Datasets of one export with a mode or a schedule of their own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.definition.models.overrides import is_due
from sluice.definition.models.schedule import ScheduleSpec
from sluice.errors import DefinitionError
from tests.builders import NOW, World

MINUTE = timedelta(minutes=1)
MONDAY = datetime(2026, 3, 9, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOURCE = "source: {type: parquet, airflow_conn_id: lake"
FILES = {
    "catalog/datasets.yaml": f"""
        clicks: {{kind: event, key: id, {SOURCE}, path: clicks}}, incremental: files}}
        people: {{kind: profile, key: id, {SOURCE}, path: people}}, incremental: files}}
        shops: {{kind: table, key: id, {SOURCE}, path: shops}}, incremental: files}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/nightly.yaml": """
        kind: dataset-export
        connection: out
        datasets: [clicks, people, shops]
        format: {type: json, compression: none}
        schedule: {every: 6 hours, end: 2199-12-31}
        overrides:
          people: {mode: full, schedule: {weekly: [mon], at: "05:00"}}
          shops: {mode: changes}
        """,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    for name in ("clicks", "people", "shops"):
        world.dataset(name, pa.table({"id": [1, 2]}))
    return world


def due(world: World, time: datetime, run_type: str = "scheduled", **how: object) -> list[str]:
    return [feed.name for feed in world.plan("nightly", export_time=time, run_type=run_type, **how).feeds]


def test_the_first_run_at_or_after_its_time_delivers_a_dataset(world: World) -> None:
    every, others = ["clicks", "people", "shops"], ["clicks", "shops"]
    ticks = [MONDAY + 6 * HOUR * number for number in range(-2, 30)]
    assert [tick for tick in ticks if due(world, tick) == every] == [MONDAY, MONDAY + timedelta(days=7)]
    assert due(world, MONDAY + 6 * HOUR) == others


def test_manifests_stay_in_one_folder(world: World) -> None:
    declared = (world.include / "exports" / "nightly.yaml").read_text()
    world.declare(
        {
            "exports/nightly.yaml": declared.replace("[clicks, people, shops]", "[clicks, people]").replace(
                "shops: {mode: changes}", ""
            )
        }
    )
    runs = [world.plan("nightly", export_time=MONDAY + 6 * HOUR * number, run_type="scheduled") for number in (0, 1)]
    assert [len(plan.feeds) for plan in runs] == [2, 1]
    assert ["/" in plan.manifest for plan in runs] == [False, False]


def test_other_runs_deliver_every_dataset(world: World) -> None:
    assert due(world, MONDAY + 6 * HOUR, "manual") == ["clicks", "people", "shops"]
    assert due(world, MONDAY + 6 * HOUR, only=("people",)) == ["people"]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (MONDAY - 6 * HOUR, False),
        (MONDAY - 6 * HOUR + MINUTE, True),
        (MONDAY, True),
        (MONDAY + MINUTE, False),
    ],
)
def test_from_after_the_tick_before_to_the_tick(own: datetime, expected: bool) -> None:
    schedule = ScheduleSpec(cron=f"{own.minute} {own.hour} {own.day} {own.month} *")
    assert is_due(schedule, ScheduleSpec.model_validate({"every": "6 hours"}), MONDAY) is expected


def test_each_dataset_has_its_mode(world: World) -> None:
    assert world.run("nightly", "scheduled__1", export_time=MONDAY, run_type="scheduled").records == 6
    world.dataset("people", pa.table({"id": [3]}), files=1)
    (world.root / "lake" / "clicks" / "1.parquet").write_bytes((world.root / "lake/people/000.parquet").read_bytes())
    world.dataset("shops", pa.table({"id": [2, 3]}))
    later = MONDAY + timedelta(days=7)
    feeds = world.run("nightly", "scheduled__2", export_time=later, run_type="scheduled").feeds
    assert {name: feed.written for name, feed in feeds.items()} == {"clicks": 1, "people": 1, "shops": 2}
    [manifest] = [
        json.loads(path.read_text())
        for path in (world.root / "out").rglob("manifest-*")
        if json.loads(path.read_text())["run_id"] == "scheduled__2"
    ]
    assert manifest["mode"] == "incremental"
    assert {name: feed["mode"] for name, feed in manifest["feeds"].items()} == {
        "clicks": None,
        "people": "full",
        "shops": "changes",
    }
    assert manifest["feeds"]["shops"]["changes"] == {"added": 1, "changed": 0, "removed": 1}


def test_a_dataset_that_is_left_out_continues_where_it_stopped(world: World) -> None:
    world.declare(
        {
            "exports/nightly.yaml": """
                kind: dataset-export
                connection: out
                datasets: [clicks, people]
                format: {type: json, compression: none}
                schedule: {every: 6 hours, end: 2199-12-31}
                overrides:
                  people: {schedule: {weekly: [mon], at: "05:00"}}
                """
        }
    )

    def written(run: str, time: datetime) -> dict[str, int]:
        report = world.run("nightly", run, export_time=time, run_type="scheduled")
        return {name: feed.written for name, feed in report.feeds.items()}

    assert written("scheduled__1", MONDAY) == {"clicks": 2, "people": 2}
    (world.root / "lake/people/1.parquet").write_bytes((world.root / "lake/people/000.parquet").read_bytes())
    assert written("scheduled__2", MONDAY + 6 * HOUR) == {"clicks": 0}
    assert written("scheduled__3", MONDAY + timedelta(days=7)) == {"clicks": 0, "people": 2}


def test_a_full_run_delivers_everything(world: World) -> None:
    world.run("nightly", "manual__1")
    full = world.run("nightly", "manual__2", mode="full").feeds
    assert {name: feed.written for name, feed in full.items()} == {"clicks": 2, "people": 2, "shops": 2}


def test_a_slice_of_time_of_a_full_dataset_is_refused(world: World) -> None:
    window = {"after": NOW - HOUR, "until": NOW}
    with pytest.raises(DefinitionError, match="delivers people with `mode: full`, so no slice of time of it"):
        world.plan("nightly", window=window)
    assert len(world.plan("nightly", window=window, only=("clicks",)).feeds) == 1
