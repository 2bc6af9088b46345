"""Runs that are stopped halfway, on a real scheduler: the teardown removes what they have sent, and says so."""

from __future__ import annotations

import json
import re

import pytest

from sluice.model.run import flow_run_id
from tests.integration.stack import Stack
from tests.integration.test_main_job import wait_until

DAG = "export__many_parts"


@pytest.fixture(scope="module")
def cancelled(stack: Stack) -> str:
    """A run that someone marks as failed while it uploads, once its last task has ended it."""
    folder = stack.deliveries / "drop" / "purchases"
    before = set(folder.rglob("part-*.csv.gz"))
    run_id = stack.trigger(DAG)
    wait_until(lambda: len(set(folder.rglob("part-*.csv.gz")) - before) > 100)
    stack.rest.patch(f"dags/{DAG}/dagRuns/{run_id}", {"state": "failed"})
    assert stack.wait(DAG, run_id) == "failed", "nothing is published: it is no success"
    return run_id


def test_the_last_task_of_a_cancelled_run_removes_its_parts_and_says_so(stack: Stack, cancelled: str) -> None:
    said = stack.log(DAG, cancelled, "finish")
    removed = re.search(r"not published: (\d+) parts and", said)
    assert removed is not None
    assert int(removed[1]) > 100
    assert "cancelled: someone ended the run" in said
    own = str(flow_run_id("many_parts", cancelled))
    left = [path.name for path in (stack.deliveries / "drop").rglob("*") if own in path.name]
    assert left == [], "the upload had stopped before its parts were removed"
    reports = (stack.root / "staging" / "tests" / "deliveries" / "many_parts" / "reports").glob("*.json")
    outcomes = {report["run"]: report["outcome"] for report in (json.loads(path.read_text()) for path in reports)}
    assert outcomes[cancelled] == "cancelled"


def test_a_cancelled_run_publishes_nothing(stack: Stack, cancelled: str) -> None:
    states = {task["task_id"]: task["state"] for task in stack.task_instances(DAG, cancelled)}
    assert states["publish"] != "success"


def test_a_run_whose_declaration_goes_ends_with_a_page(stack: Stack, cancelled: str) -> None:
    declaration = stack.root / "include" / "exports" / "many_parts.yaml"
    text = declaration.read_text()
    run_id = stack.trigger(DAG)
    stack.until("its upload", lambda: stack.running_pid(DAG, run_id, "upload"))
    declaration.unlink()
    stack.reparse()
    try:
        assert stack.wait(DAG, run_id) == "failed"
    finally:
        declaration.write_text(text)
        stack.reparse()
    assert "the declaration of export many_parts was removed during this run" in stack.log(DAG, run_id, "finish")
    own = str(flow_run_id("many_parts", run_id))
    assert [path.name for path in (stack.deliveries / "drop").rglob("*") if own in path.name] == []


def test_a_task_beyond_its_time_limit_is_stopped_and_cleaned_up_after(stack: Stack) -> None:
    dag = "export__short_of_time"
    run_id = stack.trigger(dag)
    assert stack.wait(dag, run_id) == "failed"
    states = {task["task_id"]: task["state"] for task in stack.task_instances(dag, run_id)}
    assert (states["upload"], states["publish"], states["finish"]) == ("failed", "upstream_failed", "failed")
    assert "imeout" in stack.log(dag, run_id, "upload", map_index=0)
    said = stack.log(dag, run_id, "finish")
    assert "not published: 0 parts" not in said
    assert "the task was stopped at its time limit" in said
