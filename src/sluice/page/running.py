"""The progress of one run, from Airflow and from its report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sluice.access.actor import Actor
from sluice.access.may import may
from sluice.airflow import runs
from sluice.airflow.names import dag_id
from sluice.airflow.private import task_states
from sluice.airflow.project import WHY
from sluice.airflow.rest import RefusedError, Rest
from sluice.definition.edit.store import MissingError
from sluice.delivery.report.history import History
from sluice.delivery.report.report import Report
from sluice.errors import FatalError
from sluice.overview.row import SILENT, status_of
from sluice.page.progress import Comparison, Counts, Progress, TaskView, tasks_of, totals
from sluice.page.world import World
from sluice.runs.record import VERIFICATIONS, Record

ERRORS = 5
"""Error pages that are read for one answer."""


def progress_of(world: World, actor: Actor, rest: Rest, name: str, run_id: str) -> Progress:
    """One run with its tasks. If Airflow has removed it, what its report says. Raises `MissingError` if neither knows
    it."""
    dag, page = dag_id(name), f"dags/{dag_id(name)}/runs/{quote(run_id, safe=':+')}"
    own = runs.Run(dag, quote(run_id, safe=":+"))
    state = _asked(rest, own)
    record = None
    if state is None or state["state"] in runs.ENDED:
        world.index.refresh()
        record = world.index.find(name, run_id)
    if state is None and record is None:
        raise MissingError(
            f"{name} has no run {run_id}", next_step="reload the history: Airflow may have removed the run"
        )
    report = _report(world, record)
    status = _status(state, record)
    tasks: list[TaskView] = []
    if state is not None:
        instances = list(rest.every(f"{own.path}/taskInstances", "task_instances"))
        shards = _shards(rest, own, instances)
        kept = task_states(dag, run_id, ("progress", "waiting"))
        tasks = tasks_of(instances, kept, shards, page, over=status == "cancelled")
        _add_errors(rest, own, tasks, instances)
    return Progress(
        export=name,
        run=run_id,
        status=status,
        why=_why(record, report, status),
        mode=record.mode if record and record.outcome not in VERIFICATIONS else "",
        window=record.window if record else "",
        started=_time(state["start_date"] if state else None) or (record.started if record else None),
        ended=_time(state["end_date"] if state else None) or (record.ended if record else None),
        tasks=tasks,
        totals=totals(_counts(tasks, record), _sending_since(tasks), datetime.now(UTC)),
        warnings=list(report.warnings) if report else [],
        report=report.model_dump(mode="json") if report else None,
        page=page,
        compared=_compared(world, record),
        may=[verb for verb in _verbs(status, record) if may(actor, verb, world.subject("export", name))],
    )


def _compared(world: World, record: Record | None) -> Comparison | None:
    if record is None or record.outcome != "published":
        return None
    found = world.index.verification(record.export, record.manifest)
    return Comparison(run=found.run, status=found.outcome, ended=found.ended, why=found.why) if found else None


def _asked(rest: Rest, run: runs.Run) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = rest.get(run.path)
    except RefusedError as refused:
        if refused.status != 404:
            raise
        return None
    return found


def _report(world: World, record: Record | None) -> Report | None:
    if record is None:
        return None
    found = History(world.settings.staging, record.export, world.connections).find(record.flow_run_id)
    return found if found is not None and found.run == record.run else None


def _status(state: dict[str, Any] | None, record: Record | None) -> str:
    if state is not None and state["state"] not in runs.ENDED:
        return "processing" if state["state"] == "running" else "queued"
    if record is not None:
        return status_of(record.outcome)
    return "failed" if state is not None and state["state"] == "failed" else "successful"


def _why(record: Record | None, report: Report | None, status: str) -> str:
    if report:
        return report.why
    if record:
        return record.why
    return SILENT if status == "failed" else ""


def _shards(rest: Rest, run: runs.Run, instances: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """What `chunk` has planned for each `upload`."""
    done = any(one["task_id"] == "chunk" and one["state"] == "success" for one in instances)
    planned = runs.result(rest, run, "chunk") if done else None
    return planned if isinstance(planned, list) else []


def _add_errors(rest: Rest, run: runs.Run, tasks: Iterable[TaskView], instances: Sequence[dict[str, Any]]) -> None:
    """The error pages of failed tasks: what they have left for the last task, otherwise the end of their log."""
    failed = [one for one in instances if one["state"] in ("failed", "up_for_retry")][:ERRORS]
    views = {task.task: task for task in tasks}
    for one in failed:
        view, error = views[one["task_id"]], _error(rest, run, one)
        view.error = view.error or error
        label = one.get("rendered_map_index") or str(one["map_index"])
        for shard in view.shards:
            if shard.shard == label:
                shard.error = error


def _error(rest: Rest, run: runs.Run, instance: dict[str, Any]) -> str:
    task, index = instance["task_id"], instance["map_index"]
    try:
        left = rest.get(f"{run.path}/taskInstances/{task}/xcomEntries/{WHY}", map_index=index)["value"]
        if isinstance(left, dict) and left.get("page"):
            return str(left["page"])
    except FatalError:
        pass
    one = runs.Task(run, task, index, task, instance["state"], instance["try_number"])
    try:
        return runs.error(rest, one)
    except FatalError:
        return ""


def _counts(tasks: Sequence[TaskView], record: Record | None) -> list[Counts]:
    shards = [shard for task in tasks for shard in task.shards]
    if record is not None and record.outcome == "published":
        chunks = sum(shard.chunks for shard in shards)
        numbers = {"records": record.records, "records_sent": record.records, "bytes_sent": record.bytes}
        return [Counts(chunks=chunks, chunks_sent=chunks, **numbers)]
    return list(shards)


def _sending_since(tasks: Sequence[TaskView]) -> datetime | None:
    return next((task.started for task in tasks if task.task == "upload"), None)


def _verbs(status: str, record: Record | None) -> list[str]:
    """What can be done with a run of this status."""
    verbs = {
        "processing": ["cancel-run"],
        "queued": ["cancel-run"],
        "held": ["release-run"],
        "successful": ["resend-run", "verify-delivery"] if record and record.manifest else [],
    }
    return verbs.get(status, [])


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
