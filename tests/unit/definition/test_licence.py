"""What a licence grants, and the end that it gives to old exports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sluice.airflow.schedules import dag_schedule
from sluice.definition.load import load
from sluice.definition.models.licence import Licence
from sluice.definition.start import check_period
from sluice.errors import Skipped
from sluice.plan.model import Plan
from tests.builders import World

ULTIMATE = {"application": "real-time-cdp", "tier": "ultimate", "profiles": 20_000_000}
PRIME = {"application": "journey-optimizer", "tier": "prime", "profiles": 30_000_000}
DISTILLER = {"add_on": "data-distiller", "volume": "5 TB"}
BIGGER = {"application": "journey-optimizer", "tier": "prime", "profiles": 28_000_001}
TB = 10**12


def licence(*applications: Any, **more: Any) -> Licence:
    return Licence.model_validate({"applications": applications, **more})


@pytest.mark.parametrize(
    ("declared", "entitlement"),
    [
        (licence(ULTIMATE), 20_000_000 * 700_000),
        (licence(PRIME), 30_000_000 * 500_000),
        (licence(ULTIMATE, PRIME), 15 * TB),
        (licence(PRIME | {"profiles": 27_999_999}, ULTIMATE), 14 * TB),
        (licence(BIGGER, ULTIMATE), 14 * TB + 500_000),
        (licence(ULTIMATE, add_ons=[DISTILLER]), 19 * TB),
        (licence(ULTIMATE, volume="12 TB"), 12 * TB),
        (licence(ULTIMATE | {"profiles": None}, volume="12 TB", add_ons=[DISTILLER]), 17 * TB),
    ],
)
def test_the_largest_application_counts_and_add_ons_are_added(declared: Licence, entitlement: int) -> None:
    assert declared.entitlement == entitlement
    assert Licence.model_validate_json(declared.model_dump_json()) == declared, "a plan is staged with it"


PROJECT = """
    licence:
      applications: [{application: real-time-cdp, tier: prime, profiles: 10}]
      default_end: {created_before: 2024-11-01, end: 2025-09-01}
    """
LAST = datetime(2025, 9, 1, 23, 59, 59, 999999, UTC)


def declare(root: Path, schedule: str, kind: str = "dataset-export", project: str = PROJECT) -> World:
    world = World(root)
    feeds = "datasets: [people]" if kind == "dataset-export" else "segments: [all]\nfields: [id]"
    world.declare(
        {
            "project.yaml": project,
            "catalog/datasets.yaml": """
                people: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
                persons: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
                """,
            "catalog/segments.yaml": 'all: {dataset: persons, where: "true"}',
            "connections/out.yaml": "{type: local, airflow_conn_id: out}",
            "exports/nightly.yaml": f"kind: {kind}\nconnection: out\n{feeds}\nschedule: {schedule}\n",
        }
    )
    return world


def end_of(world: World) -> datetime | None:
    (export,) = load(world.include).project.exports.values()
    assert export.when is not None
    return export.when.end


@pytest.mark.parametrize(
    ("schedule", "end"),
    [
        ('{daily: "06:00", start: 2024-10-31}', LAST),
        ('{daily: "06:00", start: 2024-10-31T23:59}', LAST),
        ('{daily: "06:00", start: 2024-11-01}', datetime(2025, 11, 1, tzinfo=UTC)),
        ('{daily: "06:00", start: 2024-10-31, end: 2027-01-01T06:00}', datetime(2027, 1, 1, 6, tzinfo=UTC)),
        ("{after: system_refresh, start: 2024-10-31}", None),
    ],
)
def test_only_clock_schedules_without_an_end_from_before_the_day_get_it(
    tmp_path: Path, schedule: str, end: datetime | None
) -> None:
    assert end_of(declare(tmp_path, schedule)) == end


def test_without_a_licence_and_in_other_kinds_nothing_changes(tmp_path: Path) -> None:
    old = '{daily: "06:00", start: 2024-10-31}'
    assert end_of(declare(tmp_path / "1", old, project="{}")) == datetime(2025, 10, 31, tzinfo=UTC)
    assert end_of(declare(tmp_path / "2", old, "segment-export")) is None


def test_plan_dag_and_run_agree_about_the_end(tmp_path: Path) -> None:
    world = declare(tmp_path, '{daily: "06:00", start: 2024-10-31}')
    plan = world.plan("nightly")
    assert plan.export.when is not None
    assert plan.export.when.end == LAST
    staged = Plan.model_validate_json(plan.model_dump_json()).export.when
    assert staged is not None
    assert staged.end == LAST
    assert dag_schedule(load(world.include).project.exports["nightly"])["end_date"] == LAST
    check_period(plan.export, plan.run.model_copy(update={"export_time": LAST}))
    with pytest.raises(Skipped, match="ended at 2025-09-01 23:59 UTC"):
        check_period(plan.export, plan.run.model_copy(update={"export_time": LAST + timedelta(seconds=1)}))


@pytest.mark.parametrize(("verdict", "said"), [("warn", (1, 0)), ("inform", (0, 1)), ('"off"', (0, 0))])
def test_it_is_said_as_the_project_wants(tmp_path: Path, verdict: str, said: tuple[int, int]) -> None:
    project = f"{PROJECT}\n    guardrails: {{agreed_end: {verdict}}}\n    "
    loaded = load(declare(tmp_path, '{daily: "06:00", start: 2024-10-31}', project=project).include)
    assert (len(loaded.warnings), len(loaded.notes)) == said
    assert loaded.project.exports["nightly"].when is not None
