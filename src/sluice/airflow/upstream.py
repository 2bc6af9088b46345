"""What a task can ask Airflow about the refreshes that it depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sluice.airflow import record
from sluice.airflow.private import is_paused, previous_run
from sluice.airflow.project import word
from sluice.definition.models.schedule import SYSTEM_REFRESH

if TYPE_CHECKING:
    from airflow.sdk import Context

    from sluice.airflow.private import Logger

Watched = dict[str, dict[str, list[str]]]
"""For each DAG, the `states` to wait for and the run ids that are `ignored`."""
_MANY = 100
_FAR = datetime(9999, 1, 1, tzinfo=UTC)


def watched(dag_ids: Sequence[str], context: Context, log: Logger) -> Watched:
    """What to wait for. Runs that would never start, or that end only after this one, are left out: queued runs of a
    paused DAG; runs with a logical date in the future, which Airflow shows as running and holds back; and the run whose
    event started this one, which has refreshed everything but may not have ended."""
    parents = [event.source_run_id for event in context["dag_run"].consumed_asset_events]
    found: Watched = {}
    for dag_id in dag_ids:
        ahead = _future_runs(dag_id)
        if ahead:
            log.warning("DAG %s has runs with a future date, which are not waited for: %s", dag_id, ", ".join(ahead))
        ignored = [run_id for run_id in (*parents, *ahead) if run_id]
        found[dag_id] = {"states": _states(dag_id, context, log), "ignored": ignored}
    return found


def busy(refreshes: Watched, context: Context) -> Mapping[str, int]:
    """The number of such runs by DAG, for DAGs that have any."""
    counts = {dag_id: _count(context, dag_id, **what) for dag_id, what in refreshes.items()}
    return {dag_id: count for dag_id, count in counts.items() if count > 0}


def failed(dag_ids: Sequence[str]) -> list[str]:
    """The DAGs whose last ended run failed. Except for the system refresh, a task can only see runs with a logical
    date, that is, scheduled runs."""
    return [dag_id for dag_id in dag_ids if (record.has_failed() if dag_id == SYSTEM_REFRESH else _last_failed(dag_id))]


def _count(context: Context, dag_id: str, states: list[str], ignored: list[str]) -> int:
    ti = context["ti"]
    count: int = ti.get_dr_count(dag_id, states=states)
    return count - ti.get_dr_count(dag_id, states=states, run_ids=ignored) if count and ignored else count


def _states(dag_id: str, context: Context, log: Logger) -> list[str]:
    paused = is_paused(context["ti"], dag_id)
    if paused is None:
        log.warning("Airflow does not know the DAG %s: it is not waited for", dag_id)
    if paused:
        log.warning("DAG %s is paused: its queued runs are not waited for", dag_id)
    return ["running"] if paused else ["queued", "running"]


def _future_runs(dag_id: str) -> list[str]:
    now, before = datetime.now(UTC), _FAR
    found: list[str] = []
    while len(found) < _MANY and (run := previous_run(dag_id, before)) and run.logical_date > now:
        found.append(run.run_id)
        before = run.logical_date
    return found


def _last_failed(dag_id: str) -> bool:
    run = previous_run(dag_id, datetime.now(UTC))
    while run and word(run.state) in ("queued", "running"):
        run = previous_run(dag_id, run.logical_date)
    return run is not None and word(run.state) == "failed"
