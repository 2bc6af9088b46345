"""The DAG `system_refresh`: the refreshes that are part of it, then every segment in dependency order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, chain

from sluice.airflow.broken import broken
from sluice.airflow.operators.refreshed import RecordFailureOperator, RefreshedOperator
from sluice.airflow.operators.segment import RefreshSegmentOperator
from sluice.airflow.record import SYSTEM_REFRESH
from sluice.airflow.schedules import refresh_schedule
from sluice.definition.load import load_catalog
from sluice.definition.models.catalog import DagRefresh, SystemRefresh
from sluice.definition.models.export import RETRY_DELAY
from sluice.definition.models.project import Project
from sluice.errors import Place, internal
from sluice.refresh.order import order


def refresh_dag(include: Path) -> DAG:
    """The DAG: one task per segment, after those that it reads. The event of the last task means that everything is
    refreshed. If Airflow rejects the DAG, a broken DAG with the error."""
    try:
        return _refresh_dag(load_catalog(include))
    except Exception as error:
        place = Place(str(include / "catalog"))
        return broken(SYSTEM_REFRESH.name, SYSTEM_REFRESH.name, [internal(error, place)], schedule=None)


def _refresh_dag(project: Project) -> DAG:
    system = next((one for one in project.refreshes.values() if isinstance(one, SystemRefresh)), None)
    dag = DAG(
        dag_id=SYSTEM_REFRESH.name,
        description="Runs the refreshes that are part of it, then evaluates every segment in dependency order",
        schedule=refresh_schedule(system.schedule) if system else None,
        catchup=False,
        max_active_runs=1,
        tags=["sluice", "refresh"],
        default_args={"owner": "sluice", "retries": 2, "retry_delay": RETRY_DELAY, "retry_exponential_backoff": 2.0},
    )
    with dag:
        first = _other_refreshes(project)
        segments = {
            name: RefreshSegmentOperator(task_id=f"segment__{name}", segment=name, asset=Asset(f"segment/{name}"))
            for name in order(project)
        }
        for name, task in segments.items():
            reads = [segments[read] for read in project.segments[name].reads if read in segments]
            chain(reads or first, task)
        last = RefreshedOperator(task_id="refreshed")
        chain([*segments.values()] or first, last)
        # There is no setup, as in an export's DAG. The state of this teardown does not affect that of the run.
        last >> RecordFailureOperator(task_id="record_failure").as_teardown()
    return dag


def _other_refreshes(project: Project) -> list[Any]:
    """A task for each DAG that is part of the refresh: triggers it, and waits for it in the triggerer."""
    taking_part = [one for one in project.refreshes.values() if isinstance(one, DagRefresh) and one.in_system_refresh]
    if not taking_part:
        return []
    # This import takes a second, and most projects do not need it.
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

    return [
        TriggerDagRunOperator(
            task_id=f"refresh__{one.name}",
            trigger_dag_id=one.dag_id,
            wait_for_completion=True,
            deferrable=True,
            poke_interval=5,
        )
        for one in taking_part
    ]
