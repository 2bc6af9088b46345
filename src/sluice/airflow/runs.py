"""Runs of one Airflow, through its REST API: their states, their tasks, their results and logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from sluice.airflow.rest import RefusedError, Rest
from sluice.errors import FatalError

ENDED = ("success", "failed")


@dataclass(frozen=True, order=True)
class Run:
    """One run of a DAG."""

    dag_id: str
    run_id: str

    @property
    def path(self) -> str:
        """Its path in the API."""
        return f"dags/{self.dag_id}/dagRuns/{self.run_id}"


@dataclass(frozen=True)
class Task:
    """One task instance of a run, as it is now."""

    run: Run
    task_id: str
    map_index: int
    title: str
    """The task's name; for a mapped task with its label, once it has run."""
    state: str
    """Empty before it is scheduled."""
    tries: int

    @property
    def path(self) -> str:
        """Its path in the API."""
        return f"{self.run.path}/taskInstances/{self.task_id}"


def trigger(rest: Rest, dag_id: str, conf: dict[str, Any] | None = None, note: str = "") -> Run:
    """Start a run now. The note is shown on its page. The run id is chosen here, so that a repeated request does not
    start a second run if the first answer is lost."""
    run = Run(dag_id, f"manual__{datetime.now(UTC).isoformat()}")
    body = {"logical_date": None, "dag_run_id": run.run_id, "conf": conf or {}, "note": note or None}
    try:
        rest.post(f"dags/{dag_id}/dagRuns", body)
    except RefusedError as refused:
        if refused.status != HTTPStatus.CONFLICT:
            raise
    return run


def between(rest: Rest, dag_id: str, first: datetime, last: datetime) -> list[Run]:
    """The runs of a DAG that are due between two times, in order."""
    asked = {"logical_date_gte": first.isoformat(), "logical_date_lte": last.isoformat(), "order_by": "logical_date"}
    return [Run(dag_id, one["dag_run_id"]) for one in rest.every(f"dags/{dag_id}/dagRuns", "dag_runs", **asked)]


def last(rest: Rest, dag_id: str, count: int) -> dict[Run, str]:
    """The last runs of a DAG with their states, newest first; empty if Airflow does not know the DAG."""
    try:
        page = rest.get(f"dags/{dag_id}/dagRuns", order_by="-run_after", limit=count)
    except RefusedError as refused:
        if refused.status != 404:
            raise
        return {}
    return {Run(dag_id, one["dag_run_id"]): one["state"] for one in page["dag_runs"]}


def going(rest: Rest, dag_ids: Iterable[str]) -> set[Run]:
    """The runs of these DAGs that have not ended. Takes one request per hundred runs."""
    body = {"dag_ids": sorted(set(dag_ids)), "states": ["queued", "running"]}
    found = rest.every_posted("dags/~/dagRuns/list", "dag_runs", body)
    return {Run(one["dag_id"], one["dag_run_id"]) for one in found}


def state(rest: Rest, run: Run) -> str:
    """`queued`, `running`, `success` or `failed`."""
    return str(rest.get(run.path)["state"])


def started_by(rest: Rest, run: Run) -> dict[Run, str]:
    """The runs that the asset events of `run` have started so far, with their states."""
    events = rest.every("assets/events", "asset_events", source_dag_id=run.dag_id, source_run_id=run.run_id)
    created = [one for event in events for one in event["created_dagruns"]]
    return {Run(one["dag_id"], one["run_id"]): one["state"] for one in created}


def tasks(rest: Rest, runs: Iterable[Run]) -> Iterator[Task]:
    """The task instances of some runs."""
    wanted = set(runs)
    body = {"dag_ids": sorted({run.dag_id for run in wanted}), "dag_run_ids": sorted({run.run_id for run in wanted})}
    for data in rest.every_posted("dags/~/dagRuns/~/taskInstances/list", "task_instances", body) if wanted else ():
        run = Run(data["dag_id"], data["dag_run_id"])
        if run in wanted:
            yield _task(run, data)


def _task(run: Run, data: dict[str, Any]) -> Task:
    label = data["rendered_map_index"] or data["map_index"]
    title = data["task_id"] if data["map_index"] < 0 else f"{data['task_id']}[{label}]"
    return Task(run, data["task_id"], data["map_index"], title, data["state"] or "", data["try_number"])


def instances(rest: Rest, run: Run, task_id: str) -> list[dict[str, Any]]:
    """The mapped instances of a task in order, as the API has them."""
    every = rest.every(f"{run.path}/taskInstances", "task_instances", task_id=task_id)
    return sorted((one for one in every if one["map_index"] >= 0), key=lambda one: one["map_index"])


def result(rest: Rest, run: Run, task_id: str, map_index: int = -1) -> Any:
    """The value that a task returned; None if there is none."""
    path = f"{run.path}/taskInstances/{task_id}/xcomEntries/return_value"
    try:
        return rest.get(path, map_index=map_index)["value"]
    except FatalError:
        return None


def progress(rest: Rest, task: Task) -> dict[str, Any]:
    """The progress that a task reports, or had reached at its end; empty if it reports none."""
    try:
        return dict(rest.get(f"{task.path}/state-store/progress", map_index=task.map_index)["value"])
    except FatalError:
        return {}


def log(rest: Rest, task: Task) -> list[str]:
    """The log lines of the task's last attempt, with the error that ended it; empty if Airflow has no such attempt."""
    return [line for entry in _attempt(rest, task) for line in _lines(entry)]


def error(rest: Rest, task: Task) -> str:
    """The error that ended the task's last attempt; empty if its log has none."""
    entries = [entry for entry in _attempt(rest, task) if isinstance(entry, dict)]
    details = [detail for entry in entries for detail in entry.get("error_detail") or ()]
    return str(details[0]["exc_value"]) if details else ""


def _attempt(rest: Rest, task: Task) -> list[dict[str, Any] | str]:
    """The log of the task's last attempt.

    Airflow does not know every attempt that it counts: a scheduler that takes a task back before it ran counts one
    more, and keeps nothing of it. It also forgets the log of a task that was cleared in the meantime.
    """
    path = f"{task.path}/logs/{max(task.tries, 1)}"
    try:
        return list(rest.get(path, map_index=task.map_index, full_content=True)["content"])
    except RefusedError as refused:
        if refused.status != 404:
            raise
        return []


def _lines(entry: dict[str, Any] | str) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
        return
    yield from str(entry["event"]).splitlines()
    for error in entry.get("error_detail") or ():
        yield from f"{error['exc_type']}: {error['exc_value']}".splitlines()
