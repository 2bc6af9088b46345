"""A run says that the schedule of its export ends soon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.definition.start import before_end, ending, ends
from tests.builders import World

END = datetime(2020, 6, 30, 6, tzinfo=UTC)
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
DAILY = '{daily: "06:00", end: 2020-06-30T06:00}'
FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    schedule(world, DAILY)
    world.dataset("people", pa.table({"id": [1]}))
    return world


def schedule(world: World, spec: str) -> None:
    declared = "kind: dataset-export, connection: out, datasets: [people], mode: full"
    world.declare({"exports/nightly.yaml": f"{{{declared}, schedule: {spec}}}"})


def run(world: World, due: datetime, *, late: timedelta = timedelta(minutes=3), **how: object) -> tuple[str, ...]:
    """The warnings of a scheduled run that starts a little after it is due."""
    world.now = due + late
    name = f"scheduled__{due.isoformat()}"
    return world.run("nightly", name, **{"export_time": due, "run_type": "scheduled", **how}).warnings


@pytest.mark.slow
def test_once_within_each_number_of_days(world: World) -> None:
    """A run on each of the last 33 days: three of them warn."""
    warned = {days: run(world, END - days * DAY) for days in range(32, -1, -1)}
    assert [days for days, warnings in warned.items() if warnings] == [30, 7, 1]
    [says] = warned[7]
    assert says == (
        "export nightly ends in 7 days, at 2020-06-30 06:00 UTC; `end` in its schedule prolongs it: the run continues"
    )


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (30 * DAY + MOMENT, None),
        (30 * DAY, 30),
        (30 * DAY - MOMENT, 30),
        (7 * DAY + MOMENT, 30),
        (7 * DAY, 7),
        (7 * DAY - MOMENT, 7),
        (DAY + MOMENT, 7),
        (DAY, 1),
        (DAY - MOMENT, 1),
        (timedelta(0), 1),
    ],
)
def test_days_before_the_end(left: timedelta, days: int | None) -> None:
    assert before_end(END, END - left) == days


@pytest.mark.parametrize(
    ("left", "says"), [(30 * DAY, "in 30 days"), (2 * DAY - MOMENT, "in 1 day"), (DAY - MOMENT, "within a day")]
)
def test_when_it_ends(left: timedelta, says: str) -> None:
    assert ends(END, END - left) == f"ends {says}, at 2020-06-30 06:00 UTC"


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (30 * DAY + MOMENT, None),
        (30 * DAY, "ends in 30 days, at 2020-06-30 06:00 UTC"),
        (timedelta(0), "ends within a day, at 2020-06-30 06:00 UTC"),
        (-MOMENT, "ended at 2020-06-30 06:00 UTC: change `end` in its schedule to continue"),
    ],
)
def test_sluice_check_says_when_an_export_ends(world: World, left: timedelta, says: str | None) -> None:
    export = world.plan("nightly").export
    assert ending(export, END - left) == says
    assert ending(export.model_copy(update={"enabled": False}), END - left) is None


def test_after_a_pause_the_next_run_warns(world: World) -> None:
    run(world, END - 20 * DAY)
    assert len(run(world, END - 4 * DAY)) == 1
    assert run(world, END - 3 * DAY) == ()


def test_a_retry_warns_again(world: World) -> None:
    assert len(run(world, END - 7 * DAY)) == 1
    again = run(world, END - 7 * DAY, late=timedelta(hours=2))
    assert len(again) == 1


def test_a_run_that_ended_beyond_the_threshold_does_not_count(world: World) -> None:
    """It was due before it, and did not warn of it."""
    schedule(world, '{daily: "06:00", end: 2020-06-30T07:00}')
    run(world, END - 10 * DAY)
    assert run(world, END - 7 * DAY, late=timedelta(hours=3)) == ()
    assert len(run(world, END - 6 * DAY)) == 1


def test_exports_that_follow_a_refresh(world: World) -> None:
    schedule(world, "{after: system_refresh, end: 2020-06-30T06:00}")
    run(world, END - 8 * DAY)
    assert len(run(world, END - 5 * DAY)) == 1
    assert run(world, END - 4 * DAY) == ()


@pytest.mark.parametrize("verdict", ["inform", "off"])
def test_a_project_does_not_warn(world: World, verdict: str) -> None:
    world.declare({"project.yaml": f"guardrails: {{end_soon: '{verdict}'}}"})
    assert run(world, END - DAY) == ()


def test_no_end(world: World) -> None:
    schedule(world, "with-refresh")
    assert run(world, END - DAY) == ()
