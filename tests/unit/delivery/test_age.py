"""Events older than `max_age` are left out of dataset exports."""

from __future__ import annotations

import json
import logging
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.errors import DefinitionError
from tests.builders import NOW, World

YEAR = timedelta(days=365)
LIMIT = NOW - YEAR
MOMENT = timedelta(microseconds=1)
FILES = {
    "catalog/datasets.yaml": """
        clicks: {kind: event, key: id, time: at, source: {type: parquet, airflow_conn_id: lake, path: clicks}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/nightly.yaml": """
        {kind: dataset-export, connection: out, datasets: [clicks], mode: full, format: {type: json, compression: none}}
        """,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    return world


def export(world: World, keys: str) -> None:
    declared = "{kind: dataset-export, connection: out, datasets: [clicks], format: {type: json, compression: none}"
    world.declare({"exports/nightly.yaml": f"{declared}, {keys}}}"})


def clicks(world: World, times: list[Any], kind: pa.DataType, **how: int) -> None:
    world.dataset("clicks", pa.table({"id": range(len(times)), "at": pa.array(times, kind)}), **how)


def delivered(world: World) -> list[int]:
    """The ids of all delivered events."""
    parts = [path for path in (world.root / "out").rglob("part-*") if path.is_file()]
    return sorted(json.loads(line)["id"] for part in parts for line in part.read_text().splitlines())


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_exactly_365_days_stay(world: World, unit: str) -> None:
    clicks(world, [LIMIT - MOMENT, LIMIT, LIMIT + MOMENT], pa.timestamp(unit, "UTC"))
    report = world.run("nightly").feeds["clicks"]
    assert delivered(world) == [1, 2]
    assert (report.read, report.selected, report.too_old, report.written) == (3, 2, 1, 2)


@pytest.mark.parametrize("unit", ["s", "ms"])
def test_coarser_times(world: World, unit: str) -> None:
    step = timedelta(seconds=1) if unit == "s" else timedelta(milliseconds=1)
    clicks(world, [LIMIT - step, LIMIT, LIMIT + step], pa.timestamp(unit, "UTC"))
    world.run("nightly")
    assert delivered(world) == [1, 2]


def test_a_limit_between_two_stored_times(world: World) -> None:
    world.now = NOW + MOMENT
    clicks(world, [LIMIT, LIMIT + timedelta(seconds=1)], pa.timestamp("s", "UTC"))
    world.run("nightly")
    assert delivered(world) == [1]


def test_times_without_a_zone_are_in_utc(world: World) -> None:
    plain = LIMIT.replace(tzinfo=None)
    clicks(world, [plain - MOMENT, plain], pa.timestamp("us"))
    world.run("nightly")
    assert delivered(world) == [1]


def test_times_of_another_zone(world: World) -> None:
    there = timezone(timedelta(hours=9))
    clicks(world, [(LIMIT - MOMENT).astimezone(there), LIMIT.astimezone(there)], pa.timestamp("us", "Asia/Tokyo"))
    world.run("nightly")
    assert delivered(world) == [1]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_the_last_moment_of_a_date_counts(world: World, kind: pa.DataType) -> None:
    clicks(world, [date(2025, 3, 8), date(2025, 3, 9), date(2025, 3, 10)], kind)
    world.run("nightly")
    assert delivered(world) == [1, 2]


@pytest.mark.parametrize(("due", "kept"), [(-MOMENT, [0, 1]), (timedelta(0), [1]), (MOMENT, [1])])
def test_a_date_at_midnight(world: World, due: timedelta, kept: list[int]) -> None:
    world.now = datetime(2026, 3, 9, tzinfo=UTC) + due
    clicks(world, [date(2025, 3, 8), date(2025, 3, 9)], pa.date32())
    world.run("nightly")
    assert delivered(world) == kept


def test_events_without_a_time_are_delivered_and_counted(world: World, caplog: pytest.LogCaptureFixture) -> None:
    clicks(world, [None, LIMIT - MOMENT, LIMIT], pa.timestamp("us", "UTC"))
    with caplog.at_level(logging.INFO):
        report = world.run("nightly")
    assert delivered(world) == [0, 2]
    assert report.warnings == ()
    assert "clicks: 1 events are older than 365d, and are left out" in caplog.text
    assert "clicks: 1 events have no at, so their age is not known, and they are delivered" in caplog.text


def test_a_project_warns_of_old_rows(world: World) -> None:
    world.declare({"project.yaml": "guardrails: {old_rows: warn}"})
    clicks(world, [LIMIT - MOMENT, LIMIT], pa.timestamp("us", "UTC"))
    warnings = world.run("nightly").warnings
    assert warnings == ("clicks: 1 events are older than 365d, and are left out: the run continues",)


@pytest.mark.parametrize(
    ("keys", "kept"), [("max_age: none", [0, 1, 2]), ("max_age: 30 days", [2]), ("max_age: 365d", [1, 2])]
)
def test_an_export_declares_the_age(world: World, keys: str, kept: list[int]) -> None:
    export(world, f"mode: full, {keys}")
    clicks(world, [LIMIT - MOMENT, LIMIT, NOW], pa.timestamp("us", "UTC"))
    world.run("nightly")
    assert delivered(world) == kept


@pytest.mark.parametrize("declared", ["kind: event, key: id", "kind: table, key: id, time: at"])
def test_other_datasets_are_whole(world: World, declared: str) -> None:
    source = "source: {type: parquet, airflow_conn_id: lake, path: clicks}"
    world.declare({"catalog/datasets.yaml": f"clicks: {{{declared}, {source}}}"})
    clicks(world, [LIMIT - MOMENT], pa.timestamp("us", "UTC"))
    assert world.run("nightly").feeds["clicks"].too_old == 0
    assert delivered(world) == [0]


def test_many_slices_some_of_them_old(world: World) -> None:
    """Slices that are all old, all young, mixed, and empty of young rows at the end."""
    old, young = LIMIT - MOMENT, LIMIT
    times = [old] * 10 + [young] * 10 + [old, young] * 5 + [old] * 10
    clicks(world, times, pa.timestamp("us", "UTC"), files=2, row_group=5)
    report = world.run("nightly").feeds["clicks"]
    expected = [index for index, time in enumerate(times) if time == young]
    assert delivered(world) == expected
    assert report.too_old == len(times) - len(expected)


def test_all_too_old(world: World) -> None:
    clicks(world, [LIMIT - MOMENT] * 3, pa.timestamp("us", "UTC"))
    report = world.run("nightly")
    assert (report.outcome, report.records, report.feeds["clicks"].too_old) == ("published", 0, 3)


def test_a_later_attempt_chooses_the_same_events(world: World) -> None:
    """The age is counted from when the run is due."""
    clicks(world, [LIMIT - MOMENT, LIMIT], pa.timestamp("us", "UTC"))
    plan = world.plan("nightly")
    world.now = NOW + timedelta(days=40)
    assert world.plan("nightly", export_time=NOW).feeds == plan.feeds
    world.run("nightly", export_time=NOW)
    assert delivered(world) == [1]


def test_added_and_unique_rows(world: World) -> None:
    """An old row is left out before rows are deduplicated, and does not come again."""
    export(world, "mode: incremental, unique: {by: [id], keep: first}")
    when = pa.timestamp("us", "UTC")
    world.dataset("clicks", pa.table({"id": [1, 1, 2], "at": pa.array([LIMIT - MOMENT, NOW, NOW], when)}))
    first = world.run("nightly", "manual__1").feeds["clicks"]
    assert (first.too_old, first.duplicates, first.written) == (1, 0, 2)
    second = world.run("nightly", "manual__2").feeds["clicks"]
    assert (second.too_old, second.written) == (0, 0)


def test_a_time_that_is_none(world: World) -> None:
    clicks(world, ["yesterday"], pa.string())
    with pytest.raises(DefinitionError, match="at is of type string, which holds no times"):
        world.run("nightly")
