"""Runs of exports that a person starts: whether they can start, what became of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sluice.airflow import runs
from sluice.airflow.names import dag_id
from sluice.airflow.rest import RefusedError, Rest
from sluice.airflow.runs import Run
from sluice.errors import FatalError

FIRST_PAUSE, LAST_PAUSE = 1.0, 5.0
"""Seconds between two looks at runs that are waited for: the longer they take, the fewer looks."""


def is_paused(rest: Rest, dag_id: str) -> bool:
    """Whether a DAG is paused. Raises `FatalError` if Airflow has not read it yet."""
    try:
        dag = rest.get(f"dags/{dag_id}")
    except RefusedError as refused:
        if refused.status != 404:
            raise
        dag = {"is_stale": True}
    if dag["is_stale"]:
        raise FatalError(
            f"Airflow does not know the DAG {dag_id} yet",
            next_step="wait half a minute: it reads the declarations again and again; if it stays so, look at its"
            " import errors",
        )
    return bool(dag["is_paused"])


def check_ready(rest: Rest, exports: Sequence[str]) -> None:
    """Raises `FatalError` if a run of one of them would not start."""
    for export in exports:
        check_dag(rest, dag_id(export))


def check_dag(rest: Rest, dag_id: str) -> None:
    """Raises `FatalError` if a run of the DAG would not start."""
    if is_paused(rest, dag_id):
        raise FatalError(
            f"the DAG {dag_id} is paused: a run of it would stay queued until somebody unpauses it",
            next_step=f"unpause it in Airflow, or `sluice airflow dags unpause {dag_id}`; then again",
        )


def start(rest: Rest, export: str, conf: Mapping[str, Any], note: str = "") -> Run:
    """Start a run now. Raises `FatalError` where Airflow refuses the configuration."""
    return runs.trigger(rest, dag_id(export), dict(conf), note)


def ended(rest: Rest, started: Sequence[Run]) -> Iterator[tuple[Run, bool]]:
    """Each of the runs once it has ended, and whether it succeeded, in the order in which they end."""
    waiting, pause = list(started), FIRST_PAUSE
    while waiting:
        going = runs.going(rest, {run.dag_id for run in waiting})
        for run in [run for run in waiting if run not in going]:
            state = runs.state(rest, run)  # a run is not among those for a moment when it is queued again
            if state in runs.ENDED:
                waiting.remove(run)
                yield run, state == "success"
        time.sleep(pause if waiting else 0)
        pause = min(pause * 1.2, LAST_PAUSE)


def told(rest: Rest, run: Run) -> str:
    """What a run that has succeeded comes to, in a sentence."""
    report = runs.result(rest, run, "publish")
    if report:
        return f"{report['records']:,} records in {report['files']:,} files, {report['manifest']}"
    return "nothing was published: it was a dry run, or was skipped; the log of its first tasks says which"


def why(rest: Rest, run: Run) -> str:
    """Why a run has failed: the error of the first task that did, and where to look."""
    failed = [task for task in runs.tasks(rest, [run]) if task.state == "failed"]
    page = next((found for task in failed if (found := runs.error(rest, task))), "no task has logged an error")
    return f"{page}\n  see: {rest.url}/dags/{run.dag_id}/runs/{quote(run.run_id)}"


def published(rest: Rest, export: str, run: str) -> str:
    """The flow run id of a published run, which is given by it or by Airflow's id.

    Raises `FatalError` where Airflow knows no such run, or it has published nothing."""
    try:
        return str(UUID(run))
    except ValueError:
        found = Run(dag_id(export), quote(run, safe=":+"))
    try:
        runs.state(rest, found)
    except RefusedError as refused:
        if refused.status != 404:
            raise
        raise FatalError(
            f"{export} has no run {run}",
            known=[
                one["dag_run_id"] for one in rest.get(f"dags/{found.dag_id}/dagRuns", order_by="-run_after")["dag_runs"]
            ],
            next_step="name one of its runs, or the id in a manifest's name",
        ) from None
    report = runs.result(rest, found, "publish") or {}
    if "flow_run_id" not in report:
        raise FatalError(f"run {run} of {export} has published nothing", next_step="name a run that has")
    return str(report["flow_run_id"])
