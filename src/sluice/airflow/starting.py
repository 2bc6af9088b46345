"""Runs that a command starts: whether they can start, and their results."""

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
from sluice.definition.models.schedule import SYSTEM_REFRESH
from sluice.errors import FatalError

FIRST_PAUSE, LAST_PAUSE = 1.0, 5.0
"""The first and the longest interval between two checks of the runs, in seconds. It grows while they run."""


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
            next_step="wait half a minute, because Airflow rereads the declarations regularly; if the error"
            " persists, check its import errors",
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
            f"the DAG {dag_id} is paused: its runs would stay queued",
            next_step=f"unpause it in Airflow or with `sluice airflow dags unpause {dag_id}`, then try again",
        )


def start(rest: Rest, export: str, conf: Mapping[str, Any], note: str = "") -> Run:
    """Start a run now. Raises `FatalError` if Airflow refuses it."""
    return runs.trigger(rest, dag_id(export), dict(conf), note)


def start_refresh(rest: Rest) -> tuple[Run, bool]:
    """Start the system refresh now; also whether it waits for one that is running. Raises `FatalError` if it would not
    start."""
    check_dag(rest, SYSTEM_REFRESH)
    before = runs.going(rest, [SYSTEM_REFRESH])
    return runs.trigger(rest, SYSTEM_REFRESH), bool(before)


def resend(rest: Rest, export: str, run: str) -> Run:
    """Start a run that delivers an earlier one again, byte by byte. `run` as for `published`."""
    flow_run = published(rest, export, run)
    check_ready(rest, [export])
    return start(rest, export, {"resend": flow_run}, f"resend of {run}")


def verify(rest: Rest, export: str, run: str) -> Run:
    """Start a run that compares a delivery with its manifest."""
    check_ready(rest, [export])
    return start(rest, export, {"verify": run}, f"verification of {run}")


def release(rest: Rest, export: str, run: str) -> Run:
    """Start a run with the configuration of a held one, which delivers whatever its counts are."""
    check_ready(rest, [export])
    conf = rest.get(Run(dag_id(export), quote(run, safe=":+")).path)["conf"] or {}
    return start(rest, export, {**conf, "release": True}, f"release of {run}")


def cancel(rest: Rest, export: str, run: str) -> None:
    """End a run: its last task removes what it has sent. Raises `FatalError` if it has ended."""
    found = Run(dag_id(export), quote(run, safe=":+"))
    state = runs.state(rest, found)
    if state in runs.ENDED:
        raise FatalError(f"run {run} of {export} has already ended: {state}", next_step="nothing: it does not run")
    rest.patch(found.path, {"state": "failed"})


def ended(rest: Rest, started: Sequence[Run]) -> Iterator[tuple[Run, bool]]:
    """Wait for the runs: yields each when it has ended, and whether it succeeded."""
    waiting, pause = list(started), FIRST_PAUSE
    while waiting:
        going = runs.going(rest, {run.dag_id for run in waiting})
        for run in [run for run in waiting if run not in going]:
            state = runs.state(rest, run)  # a run that is queued again is missing there for a moment
            if state in runs.ENDED:
                waiting.remove(run)
                yield run, state == "success"
        time.sleep(pause if waiting else 0)
        pause = min(pause * 1.2, LAST_PAUSE)


def outcome(rest: Rest, run: Run) -> str:
    """The result of a successful run, in one line."""
    report = runs.result(rest, run, "publish")
    if report:
        return f"{report['records']:,} records in {report['files']:,} files, {report['manifest']}"
    return "nothing was published: it was a dry run or was skipped, as the log of its first tasks says"


def why(rest: Rest, run: Run) -> str:
    """Why a run failed: the error of the first failed task, and the address of the run's page."""
    failed = [task for task in runs.tasks(rest, [run]) if task.state == "failed"]
    page = next((found for task in failed if (found := runs.error(rest, task))), "no task logged an error")
    return f"{page}\n  see: {rest.url}/dags/{run.dag_id}/runs/{quote(run.run_id)}"


def published(rest: Rest, export: str, run: str) -> str:
    """The flow run id of a published run; `run` is this id or Airflow's run id.

    Raises `FatalError` if Airflow does not know the run, or if it published nothing."""
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
        raise FatalError(f"run {run} of {export} has published nothing", next_step="name a published run")
    return str(report["flow_run_id"])
