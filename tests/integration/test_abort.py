"""Runs that are stopped halfway, on a real scheduler: the teardown removes what they have sent, and says so."""

from __future__ import annotations

import pytest

from sluice.delivery.abort import Aborted
from sluice.model.run import flow_run_id
from tests.integration.stack import Stack
from tests.integration.test_main_job import wait_until

DAG = "export__many_parts"


@pytest.fixture(scope="module")
def cancelled(stack: Stack) -> tuple[str, Aborted]:
    """A run that someone marks as failed while it uploads, and what its teardown has returned."""
    folder = stack.deliveries / "drop" / "purchases"
    before = set(folder.rglob("part-*.csv.gz"))
    run_id = stack.trigger(DAG)
    wait_until(lambda: len(set(folder.rglob("part-*.csv.gz")) - before) > 100, timeout=400)
    stack.rest.patch(f"dags/{DAG}/dagRuns/{run_id}", {"state": "failed"})
    done = stack.until("its teardown", lambda: stack.xcom(DAG, run_id, "abort") if ended(stack, run_id) else None, 400)
    return run_id, Aborted.model_validate(done)


def ended(stack: Stack, run_id: str) -> bool:
    states = {task["task_id"]: task["state"] for task in stack.task_instances(DAG, run_id)}
    assert states["abort"] not in ("failed", "skipped", "upstream_failed"), states
    return states["abort"] == "success"


def test_the_teardown_of_a_cancelled_run_removes_its_parts_and_says_so(
    stack: Stack, cancelled: tuple[str, Aborted]
) -> None:
    run_id, done = cancelled
    assert not done.published
    assert done.removed > 100
    assert f"not published: {done.removed} parts and" in stack.log(DAG, run_id, "abort")


def test_no_manifest_and_nothing_unfinished_is_left(stack: Stack, cancelled: tuple[str, Aborted]) -> None:
    """What the dying task has sent after the teardown goes with the next run."""
    run_id, _ = cancelled
    states = {task["task_id"]: task["state"] for task in stack.task_instances(DAG, run_id)}
    assert states["publish"] != "success"
    follow = stack.trigger(DAG)
    assert stack.wait(DAG, follow, timeout=400) == "success"
    own = str(flow_run_id("many_parts", run_id))
    assert [path.name for path in (stack.deliveries / "drop").rglob("*") if own in path.name] == []


def test_a_task_beyond_its_time_limit_is_stopped_and_cleaned_up_after(stack: Stack) -> None:
    dag = "export__short_of_time"
    run_id = stack.trigger(dag)
    assert stack.wait(dag, run_id, timeout=400) == "failed"
    states = {task["task_id"]: task["state"] for task in stack.task_instances(dag, run_id)}
    assert (states["upload"], states["publish"], states["abort"]) == ("failed", "upstream_failed", "success")
    assert "imeout" in stack.log(dag, run_id, "upload", map_index=0)
    assert Aborted.model_validate(stack.xcom(dag, run_id, "abort")).removed > 0
