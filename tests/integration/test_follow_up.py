"""What follows a delivery in a real Airflow: a command with nothing of the worker's environment, a log beside the
manifest, and an export that is done."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from sluice.airflow import runs
from tests.integration.stack import Stack

DAG = "export__first_and_last"
EXPORT = """
    kind: dataset-export
    connection: drop
    datasets: [purchases]
    mode: full
    schedule: once
    log: delivery
    follow_up: {command: show}
    """


@pytest.fixture(scope="module")
def once(stack: Stack) -> Iterator[str]:
    """The run that Airflow starts as soon as it sees the export, after it has ended."""
    declared = stack.root / "include" / "exports" / "first_and_last.yaml"
    declared.write_text(EXPORT)
    stack.wait_for_dag(DAG)
    (run,) = stack.until("the run of an export that runs once", lambda: list(runs.last(stack.rest, DAG, 1)))
    assert stack.wait(DAG, run.run_id) == "success"
    yield run.run_id
    declared.unlink()


def test_the_command_runs_after_publish_and_sees_nothing_of_the_worker(stack: Stack, once: str) -> None:
    states = {task["task_id"]: task["state"] for task in stack.task_instances(DAG, once)}
    assert states == dict.fromkeys(states, "success")
    assert "follow_up" in states
    said = stack.log(DAG, once, "follow_up")
    assert "$ /usr/bin/env" in said
    names = set(re.findall(r"^([A-Z_]+)=", said, re.MULTILINE))
    assert names == {"PATH", "LANG", "HOME", "TMPDIR"}


def test_its_log_is_beside_the_manifest(stack: Stack, once: str) -> None:
    report = stack.xcom(DAG, once, "publish")
    (log,) = [name for name in stack.delivered() if name.endswith("-first_and_last.log")]
    text = (stack.deliveries / log).read_text()
    assert text.splitlines()[-1].endswith(f"the manifest follows: {report['manifest']}")
    assert text.count("  upload    purchases chunk ") == report["files"]


def test_it_is_done_and_delivers_again_only_on_request(stack: Stack, once: str) -> None:
    before = stack.delivered()
    second = stack.trigger(DAG)
    assert stack.wait(DAG, second) == "success", "it is skipped"
    assert f"export first_and_last runs once, and run {once} has delivered it" in stack.log(DAG, second, "extract")
    states = {task["task_id"]: task["state"] for task in stack.task_instances(DAG, second)}
    assert (states["publish"], states["follow_up"]) == ("skipped", "skipped")
    assert stack.delivered() == before

    third = stack.trigger(DAG, {"again": True})
    assert stack.wait(DAG, third) == "success"
    assert stack.xcom(DAG, third, "publish")["records"] == stack.xcom(DAG, once, "publish")["records"]
