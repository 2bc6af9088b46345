"""A run in the product's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.page.progress import Counts, TaskState, TaskView, state_of, tasks_of, totals

pytestmark = pytest.mark.slow  # each test is a project, an API and its requests

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SHARDS = [{"feed": "orders", "chunks": 2, "records": 20}, {"feed": "orders", "chunks": 1, "records": 5}]


def instance(task: str, state: str | None, index: int = -1, **said: Any) -> dict[str, Any]:
    start = None if state is None else NOW.isoformat()
    ended = (NOW + timedelta(seconds=9)).isoformat() if state in ("success", "failed") else None
    known = {"try_number": 1, "max_tries": 2, "rendered_map_index": None, "start_date": start, "end_date": ended}
    return {"task_id": task, "map_index": index, "state": state, **known, **said}


def seen(*instances: dict[str, Any], kept: Any = None, over: bool = False) -> dict[str, TaskView]:
    tasks = tasks_of(instances, kept or {}, SHARDS, "dags/export__x/runs/r", over=over)
    return {task.task: task for task in tasks}


@pytest.mark.parametrize(
    ("airflow", "state", "over"),
    [
        (None, "not started", "cancelled"),
        ("scheduled", "not started", "cancelled"),
        ("queued", "queued", "queued"),
        ("running", "processing", "processing"),
        ("deferred", "waiting", "waiting"),
        ("up_for_reschedule", "waiting", "waiting"),
        ("up_for_retry", "failed and will be retried", "failed and will be retried"),
        ("success", "successful", "successful"),
        ("failed", "failed", "cancelled"),
        ("upstream_failed", "skipped", "cancelled"),
        ("skipped", "skipped", "cancelled"),
        ("removed", "skipped", "cancelled"),
    ],
)
def test_the_states_of_tasks(airflow: str | None, state: TaskState, over: TaskState) -> None:
    assert (state_of(airflow), state_of(airflow, over=True)) == (state, over)


def test_tasks_are_in_the_order_of_a_run() -> None:
    names = ["publish", "finish", "extract", "wait_for_refreshes", "upload", "chunk", "something_new"]
    assert list(seen(*(instance(name, None) for name in names))) == [
        "wait_for_refreshes", "extract", "chunk", "upload", "publish", "finish", "something_new",
    ]  # fmt: skip


def test_a_waiting_task_says_for_what() -> None:
    kept = {("wait_for_refreshes", -1, "waiting"): {"for": "system_refresh: 1 run", "since": NOW.isoformat()}}
    task = seen(instance("wait_for_refreshes", "deferred"), kept=kept)["wait_for_refreshes"]
    assert (task.state, task.state_says) == ("waiting", "system_refresh: 1 run")


def test_attempts_are_counted() -> None:
    assert seen(instance("extract", "up_for_retry"))["extract"].state_says == "attempt 1 of 3"
    assert seen(instance("extract", "running", try_number=2))["extract"].state_says == "attempt 2 of 3"
    assert seen(instance("extract", "failed", try_number=3))["extract"].state_says == "after 3 attempts"
    assert seen(instance("extract", "running"))["extract"].state_says == ""


def test_shards_show_what_they_have_sent() -> None:
    told = {"feed": "orders", "chunks": 2, "chunks_sent": 1, "records": 20, "records_sent": 10, "bytes_sent": 100}
    told |= {"records_per_second": 5, "bytes_per_second": 50, "seconds_left": 2.0}
    kept = {("upload", 0, "progress"): told, ("upload", 1, "progress"): {**told, "bytes_sent": 30}}
    upload = seen(
        instance("upload", "success", 1, rendered_map_index="orders: chunk 2"),
        instance("upload", "running", 0),
        kept=kept,
    )["upload"]
    assert (upload.state, upload.log) == ("processing", "dags/export__x/runs/r/tasks/upload/mapped/0")
    running, done = upload.shards
    assert (running.records_sent, running.seconds_left, running.shard) == (10, 2.0, "0")
    assert (done.records_sent, done.records_per_second, done.bytes_sent) == (20, 0, 30)
    assert done.shard == "orders: chunk 2"


def test_shards_that_have_not_started_show_what_they_will_send() -> None:
    upload = seen(instance("upload", None, 0), instance("upload", None, 1))["upload"]
    assert [(one.feed, one.chunks, one.records, one.records_sent) for one in upload.shards] == [
        ("orders", 2, 20, 0),
        ("orders", 1, 5, 0),
    ]


def test_a_failed_shard_decides_the_state_of_the_task() -> None:
    upload = seen(instance("upload", "success", 0), instance("upload", "failed", 1))["upload"]
    assert (upload.state, upload.seconds) == ("failed", 9)
    assert seen(instance("upload", "skipped"), over=True)["upload"].shards == []


def test_the_time_that_is_left_follows_from_what_was_sent() -> None:
    shards = [Counts(records=100, records_sent=25, records_per_second=5, seconds_left=15), Counts(records=100)]
    sums = totals(shards, NOW, NOW + timedelta(seconds=10))
    assert (sums.records, sums.records_sent, sums.seconds_left) == (200, 25, 70.0)
    assert totals([Counts(records=5)], None, NOW).seconds_left is None
    assert totals([], None, NOW) == totals([Counts()], NOW, NOW)
