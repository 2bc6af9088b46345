"""One run in the product's words: its tasks, and what it has sent so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel

TaskState = Literal[
    "not started", "queued", "processing", "waiting", "successful", "failed and will be retried", "failed", "skipped",
    "cancelled",
]  # fmt: skip
TITLES = {
    "wait_for_refreshes": "Wait for refreshes",
    "extract": "Select rows",
    "chunk": "Cut into chunks",
    "upload": "Send",
    "publish": "Publish",
    "follow_up": "Follow-up",
    "finish": "Finish",
    "broken_declaration": "Read the declaration",
}
"""In the order in which they run."""
_STATES: Mapping[str, TaskState] = {
    "": "not started",
    "none": "not started",
    "scheduled": "not started",
    "queued": "queued",
    "running": "processing",
    "restarting": "queued",
    "deferred": "waiting",
    "up_for_reschedule": "waiting",
    "success": "successful",
    "up_for_retry": "failed and will be retried",
    "failed": "failed",
    "upstream_failed": "skipped",
    "skipped": "skipped",
    "removed": "skipped",
}
_WORST: Sequence[TaskState] = (
    "failed", "failed and will be retried", "processing", "waiting", "queued", "cancelled", "not started", "skipped",
    "successful",
)  # fmt: skip
"""The state of a mapped task is the first of these that one of its shards has."""
Keeps = Mapping[tuple[str, int, str], Any]
"""What tasks keep in Airflow's state store, by task, map index and key."""


class Counts(BaseModel):
    """What has been sent so far."""

    chunks: int = 0
    chunks_sent: int = 0
    records: int = 0
    records_sent: int = 0
    bytes_sent: int = 0
    records_per_second: float = 0
    bytes_per_second: float = 0
    seconds_left: float | None = None


class Shard(Counts):
    """One `upload` task: what it has sent so far."""

    shard: str
    state: TaskState
    state_says: str = ""
    feed: str = ""
    error: str = ""


class Totals(Counts):
    """What a run has sent so far."""


class TaskView(BaseModel):
    """One task of a run."""

    task: str
    title: str
    """What it does, in the product's words: *Wait for refreshes*, *Select rows*, *Cut into chunks*, *Send*, *Publish*,
    *Finish*."""
    state: TaskState
    state_says: str = ""
    """More about the state: what it waits for and since when; attempt 2 of 3."""
    started: datetime | None = None
    ended: datetime | None = None
    seconds: float | None = None
    error: str = ""
    """The error page of a failed attempt."""
    log: str = ""
    """The path of its log in Airflow's UI, such as `dags/x/runs/y/tasks/z`."""
    shards: list[Shard] = []
    """Of `upload`."""


class Comparison(BaseModel):
    """The last comparison of a delivery with its manifest."""

    run: str
    """The run that has compared them."""
    status: str
    """`verified`, `differs`, or `unverified` if the run ended before it had compared everything."""
    ended: datetime
    why: str
    """Its result, in one line."""


class Progress(BaseModel):
    """One run, in progress or ended."""

    export: str
    run: str
    status: str
    """As in the list of exports."""
    why: str = ""
    """The whole reason."""
    mode: str = ""
    window: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    tasks: list[TaskView]
    totals: Totals
    warnings: list[str] = []
    report: dict[str, Any] | None = None
    """The run's report, if it is kept: `sluice report --json`."""
    page: str
    """The path of the run in Airflow's UI."""
    compared: Comparison | None = None
    """Of a delivery: the last comparison with its manifest; None if it was not compared."""
    may: list[str]
    """What the user may do now: `cancel-run`, `release-run`, `resend-run`, `verify-delivery`."""


def tasks_of(
    instances: Iterable[Mapping[str, Any]], kept: Keeps, shards: Sequence[Mapping[str, Any]], page: str, *, over: bool
) -> list[TaskView]:
    """The tasks of a run in their order. `instances` are those of Airflow's API, `shards` what `chunk` returned, `page`
    the path of the run in Airflow's UI; `over` if someone ended the run."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in instances:
        found.setdefault(one["task_id"], []).append(one)
    order = [*TITLES, *(task for task in found if task not in TITLES)]
    return [_task(task, found[task], kept, shards, page, over=over) for task in order if task in found]


def _task(
    task: str,
    instances: Sequence[Mapping[str, Any]],
    kept: Keeps,
    shards: Sequence[Mapping[str, Any]],
    page: str,
    *,
    over: bool,
) -> TaskView:
    states = [state_of(one["state"], over=over) for one in instances]
    state = next(state for state in _WORST if state in states)
    chosen = instances[states.index(state)]
    started = min((at for one in instances if (at := _time(one["start_date"]))), default=None)
    ends = [_time(one["end_date"]) for one in instances]
    ended = None if None in ends else max(at for at in ends if at)
    view = TaskView(
        task=task,
        title=TITLES.get(task, task),
        state=state,
        state_says=says(chosen, state, kept.get((task, chosen["map_index"], "waiting"))),
        started=started,
        ended=ended,
        seconds=((ended or datetime.now(UTC)) - started).total_seconds() if started else None,
        log=f"{page}/tasks/{task}" + (f"/mapped/{chosen['map_index']}" if chosen["map_index"] >= 0 else ""),
    )
    if task == "upload":
        mapped = sorted((one for one in instances if one["map_index"] >= 0), key=lambda one: one["map_index"])
        view.shards = [_shard(one, kept, shards, over=over) for one in mapped]
    return view


def state_of(airflow: str | None, *, over: bool = False) -> TaskState:
    """The state in the product's words. `over` means that someone ended the run."""
    state = _STATES.get(airflow or "", "not started")
    return "cancelled" if over and state in ("skipped", "not started", "failed") else state


def says(instance: Mapping[str, Any], state: TaskState, waiting: Any = None) -> str:
    """More about a state: what it waits for, and which attempt it is."""
    tries, most = instance["try_number"], instance["max_tries"] + 1
    if state == "waiting" and isinstance(waiting, Mapping):
        return str(waiting["for"])
    if state == "failed and will be retried" or (state == "processing" and tries > 1):
        return f"attempt {tries} of {max(most, tries)}"
    if state == "failed" and tries > 1:
        return f"after {tries} attempts"
    return ""


def _shard(instance: Mapping[str, Any], kept: Keeps, shards: Sequence[Mapping[str, Any]], *, over: bool) -> Shard:
    index, state = instance["map_index"], state_of(instance["state"], over=over)
    planned = shards[index] if index < len(shards) else {}
    told = kept.get(("upload", index, "progress")) or {}
    counts = {name: told[name] for name in Counts.model_fields if told.get(name) is not None}
    view = Shard(
        shard=instance.get("rendered_map_index") or str(index),
        state=state,
        state_says=says(instance, state),
        **{"feed": planned.get("feed", ""), **_planned(planned), **counts},
    )
    if state == "successful":
        view.chunks_sent, view.records_sent = view.chunks, view.records
    if state != "processing":
        view.records_per_second = view.bytes_per_second = 0
        view.seconds_left = None
    return view


def _planned(shard: Mapping[str, Any]) -> dict[str, Any]:
    return {name: shard[name] for name in ("chunks", "records") if name in shard}


def totals(shards: Sequence[Counts], started: datetime | None, now: datetime) -> Totals:
    """The sums over all shards. The time that is left follows from what was sent since the first one started."""
    sums = Totals(
        **{name: sum(getattr(one, name) for one in shards) for name in Counts.model_fields if name != "seconds_left"}
    )
    seconds = (now - started).total_seconds() if started else 0.0
    missing = sums.records - sums.records_sent
    if sums.records_per_second and sums.records_sent and seconds > 0 and missing > 0:
        sums.seconds_left = round(missing * seconds / sums.records_sent, 1)
    return sums


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
