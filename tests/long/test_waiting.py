"""Two hundred exports that wait for one refresh at once, on a real Airflow: no worker waits with them, and what the
triggerer takes. Prints its figures. A quarter of an hour on two cores, most of which the starting of runs takes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.stack import Stack

WAITING = int(os.environ.get("WAITING", "200"))
EXPORT = "kind: dataset-export\nconnection: drop\ndatasets: [{}]\nmode: full\nschedule: 'off'\n"
SECONDS = 60
"""How long the triggerer is watched."""


@pytest.fixture
def waiting(stack: Stack) -> Iterator[list[str]]:
    """The exports; their refresh, which does not end; and one export that depends on nothing."""
    lake, exports = stack.root / "lake", stack.root / "include" / "exports"
    for name in ("stock", "parcels"):
        (lake / name).mkdir(exist_ok=True)
        pq.write_table(pa.table({"id": [1], "at": pa.array([0], pa.timestamp("us", "UTC"))}), lake / name / "0.parquet")
    names = [f"waits_{number:03d}" for number in range(WAITING)]
    for name in names:
        (exports / f"{name}.yaml").write_text(EXPORT.format("crates"))
    (exports / "passes.yaml").write_text(EXPORT.format("parcels"))
    yield [f"export__{name}" for name in names]
    for name in [*names, "passes"]:
        (exports / f"{name}.yaml").unlink()
    (lake / "go").touch()
    shutil.rmtree(lake / "parcels")


def triggerer(stack: Stack) -> list[psutil.Process]:
    """The triggerer's processes."""
    (leader,) = [process for process in stack.airflow.processes() if process.name == "triggerer"]
    parent = psutil.Process(leader.pid)
    return [parent, *parent.children(recursive=True)]


def cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def share(stack: Stack) -> float:
    """The part of a core that the triggerer takes."""
    before, began = cpu(triggerer(stack)), time.monotonic()
    time.sleep(SECONDS)
    return (cpu(triggerer(stack)) - before) / (time.monotonic() - began)


def memory(stack: Stack) -> float:
    """Megabytes, what processes share counted once."""
    return sum(process.memory_full_info().pss for process in triggerer(stack)) / 2**20


def deferred(stack: Stack, dag_ids: list[str]) -> int:
    body: dict[str, Any] = {"dag_ids": dag_ids, "state": ["deferred"]}
    return len(list(stack.rest.every_posted("dags/~/dagRuns/~/taskInstances/list", "task_instances", body)))


def test_two_hundred_waiting_exports_hold_no_worker(stack: Stack, waiting: list[str]) -> None:
    stack.wait_for_dag(waiting[-1], 600)
    stack.wait_for_dag("export__passes", 600)
    load = stack.trigger("load_stock", {"waits": True})
    stack.until("the refresh", lambda: stack.running_pid("load_stock", load, "load"))
    alone = (share(stack), memory(stack))
    began = time.monotonic()
    runs = {dag_id: stack.trigger(dag_id) for dag_id in waiting}
    stack.until("all to wait", lambda: deferred(stack, waiting) == WAITING, 3600)
    print(f"{WAITING} exports wait after {time.monotonic() - began:.0f} s")
    together = (share(stack), memory(stack))
    pool = stack.rest.get("pools/default_pool")
    assert pool["deferred_slots"] == WAITING
    assert pool["occupied_slots"] == 1, "the refresh itself, and no export"
    run_id = stack.trigger("export__passes")
    began = time.monotonic()
    assert stack.wait("export__passes", run_id) == "success"
    print(f"another export's run took {time.monotonic() - began:.0f} s meanwhile")
    print(f"triggerer, nothing waits:  {alone[0]:.1%} of a core, {alone[1]:.0f} MB")
    print(f"triggerer, {WAITING} wait: {together[0]:.1%} of a core, {together[1]:.0f} MB")
    for dag_id, run_id in runs.items():
        stack.rest.patch(f"dags/{dag_id}/dagRuns/{run_id}", {"state": "failed"})
    assert together[0] - alone[0] < 0.25
    assert together[1] - alone[1] < 300
