"""When a DAG runs, and how its page says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from sluice.airflow.record import SYSTEM_REFRESH
from sluice.airflow.schedules import export_asset


def test_schedules(dags: dict[str, DAG]) -> None:
    assert dags["export__best"].schedule == SYSTEM_REFRESH
    assert dags["export__by_hand"].schedule is None
    assert dags["export__resting"].schedule is None, "it is switched off"
    assert dags["export__after_nightly"].schedule == export_asset("nightly")
    assert dags["export__nightly"].get_task("publish").asset == export_asset("nightly")
    inlets = {inlet.name for task in dags["export__nightly"].tasks for inlet in task.inlets}
    assert inlets == {"watermark/nightly"}, "an export does not follow itself"
    assert dags["export__nightly"].schedule.crons == ("0 4 * * *",)
    assert dags["export__fresh"].schedule.crons == ("30 0,6,12,18 * * *",)
    assert (dags["export__first"].schedule, dags["export__launch"].schedule) == ("@once", "@once")
    assert dags["export__first"].start_date is None
    assert dags["export__launch"].start_date == datetime(2026, 12, 1, 6, 30, tzinfo=UTC)


def test_a_schedule_by_the_clock_has_airflow_s_own_dates(dags: dict[str, DAG]) -> None:
    nightly = dags["export__nightly"]
    assert nightly.start_date == datetime(2026, 12, 1, tzinfo=UTC)
    assert nightly.end_date == datetime(2027, 12, 1, tzinfo=UTC) - timedelta(microseconds=1)
    assert not nightly.catchup
    assert dags["export__after_nightly"].end_date is None, "its first task holds it"


def test_the_page_says_when_it_runs_and_what_its_end_stops(dags: dict[str, DAG]) -> None:
    pages = {name: dag.doc_md or "" for name, dag in dags.items()}
    assert "Runs: daily at 04:00 UTC, from 2026-12-01 00:00 UTC, until 2027-11-30 23:59 UTC" in pages["export__nightly"]
    assert "later runs are skipped" in pages["export__after_nightly"]
    assert "Runs: after system_refresh. Switched off" in pages["export__resting"]
    assert "Runs only when someone starts it" in pages["export__by_hand"]
    assert "every 6 hours, counted from 00:30 UTC" in pages["export__fresh"]
