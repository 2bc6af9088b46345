"""Schedules and waiting on a real scheduler: what starts, when, over which data, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.stack import PATIENCE, Stack
from tests.integration.test_main_job import csv_rows

ROWS = 500
"""What the refresh writes."""
STOCK = "kind: dataset-export\nconnection: drop\ndatasets: [stock]\nmode: full\nformat: {type: csv}\n"
CLOCK = "cron: CRON, start: 2025-01-01, end: 2030-12-31"
EXPORTS = {
    "stock_waits": f"schedule: {{{CLOCK}}}\nwait: {{poll: 2s}}\n",
    "stock_fresh": f"schedule: {{{CLOCK}, after_refresh: true}}\nwait: {{poll: 2s}}\n",
    "stock_follows": "schedule: {after: stock_waits}\n",
    "stock_ended": "schedule: {after: system_refresh, end: 2025-12-31}\n",
    "stock_skips": 'schedule: "off"\nwait: {on_failed: skip}\n',
}


class Scene:
    """Exports of one dataset, which its own refresh writes while they are due."""

    def __init__(self, stack: Stack, due: datetime) -> None:
        self.stack = stack
        self.due = due

    def declare(self) -> None:
        for name, text in EXPORTS.items():
            cron = f"{self.due.minute} {self.due.hour} * * *"
            (self.stack.root / "include" / "exports" / f"{name}.yaml").write_text(STOCK + text.replace("CRON", cron))

    def runs(self, name: str) -> list[dict[str, Any]]:
        return list(self.stack.rest.every(f"dags/export__{name}/dagRuns", "dag_runs"))

    def run(self, name: str, timeout: float = PATIENCE) -> str:
        """The first run of an export, once there is one."""
        found: str = self.stack.until(f"a run of {name}", lambda: self.runs(name), timeout)[0]["dag_run_id"]
        return found

    def tasks(self, name: str, run_id: str) -> dict[str, dict[str, Any]]:
        return {ti["task_id"]: ti for ti in self.stack.task_instances(f"export__{name}", run_id)}

    def succeeds(self, name: str, run_id: str) -> None:
        """Wait until a run has ended well: long enough for a busy machine."""
        dag_id = f"export__{name}"
        assert self.stack.wait(dag_id, run_id) == "success", self.stack.story(dag_id, run_id)

    def logs(self, text: str, export: str, run_id: str) -> None:
        """Wait until the task has logged the text: what it logs is written after its state has changed."""
        log = partial(self.stack.log, f"export__{export}", run_id, "wait_for_refreshes")
        self.stack.until(f"the log: {text}", lambda: text in log())

    def deferred(self, name: str, run_id: str) -> bool:
        """Whether a run waits without a worker."""
        return bool(self.tasks(name, run_id)["wait_for_refreshes"]["state"] == "deferred")

    def load(self, **conf: Any) -> str:
        """Start the dataset's refresh, as a schedule would: with a logical date."""
        body = {"logical_date": datetime.now(UTC).isoformat(), "conf": conf}
        run_id: str = self.stack.rest.post("dags/load_stock/dagRuns", body)["dag_run_id"]
        return run_id


@pytest.fixture(scope="module")
def scene(stack: Stack) -> Iterator[Scene]:
    (stack.root / "lake" / "stock").mkdir()
    pq.write_table(pa.table({"id": [0]}), stack.root / "lake" / "stock" / "0.parquet")
    stack.wait_for_dag("load_stock")
    soon = datetime.now(UTC) + timedelta(seconds=85)
    scene = Scene(stack, soon.replace(second=0, microsecond=0))
    scene.declare()
    for name in EXPORTS:
        stack.wait_for_dag(f"export__{name}")
    yield scene
    for name in EXPORTS:
        (stack.root / "include" / "exports" / f"{name}.yaml").unlink()


def test_enabling_an_export_with_a_past_start_runs_nothing_at_once(scene: Scene) -> None:
    dag = scene.stack.rest.get("dags/export__stock_waits")
    assert datetime.fromisoformat(dag["next_dagrun_logical_date"]) == scene.due
    assert scene.runs("stock_waits") == []


def test_a_run_that_is_due_during_a_refresh_starts_after_it_and_has_its_rows(scene: Scene) -> None:
    stack = scene.stack
    scene.stack.until("the due time", lambda: datetime.now(UTC) > scene.due - timedelta(seconds=5), 90)
    load = scene.load(rows=ROWS, waits=True)
    run_id = scene.run("stock_waits")
    stack.until("the wait", lambda: scene.deferred("stock_waits", run_id))
    path = f"dags/export__stock_waits/dagRuns/{run_id}/taskInstances/wait_for_refreshes"
    assert stack.rest.get(f"{path}/state-store/waiting")["value"]["for"] == "load_stock (1 run)"
    scene.logs("waiting for load_stock (1 run)", "stock_waits", run_id)
    (stack.root / "lake" / "go").touch()
    scene.succeeds("stock_waits", run_id)

    loaded = stack.rest.get(f"dags/load_stock/dagRuns/{load}")
    began = scene.tasks("stock_waits", run_id)["extract"]["start_date"]
    assert datetime.fromisoformat(began) > datetime.fromisoformat(loaded["end_date"])
    assert len(csv_rows(stack.xcom("export__stock_waits", run_id, "publish"), "stock")) == ROWS
    result = stack.xcom("export__stock_waits", run_id, "wait_for_refreshes")
    lost_a_try = scene.tasks("stock_waits", run_id)["wait_for_refreshes"]["try_number"] > 1
    if result or not lost_a_try:  # another try may find that the refresh has ended: what does not wait has no result
        assert result["waited_for"] == "load_stock (1 run)"


def test_an_export_after_another_follows_its_delivery(scene: Scene) -> None:
    run_id = scene.run("stock_follows")
    scene.succeeds("stock_follows", run_id)
    assert len(csv_rows(scene.stack.xcom("export__stock_follows", run_id, "publish"), "stock")) == ROWS


def test_a_time_and_a_refresh_both(scene: Scene) -> None:
    """It was due with the others, and the system refresh ends only now."""
    stack, run_id = scene.stack, scene.run("stock_fresh")
    assert scene.deferred("stock_fresh", run_id)
    scene.logs("a system refresh that ends at", "stock_fresh", run_id)
    refresh = stack.trigger("system_refresh")
    assert stack.wait("system_refresh", refresh) == "success"
    scene.succeeds("stock_fresh", run_id)
    ended = stack.xcom("system_refresh", refresh, "refreshed")["at"]
    began = scene.tasks("stock_fresh", run_id)["extract"]["start_date"]
    assert datetime.fromisoformat(began) > datetime.fromisoformat(ended) > scene.due


def test_a_run_that_the_end_date_stops_says_so(scene: Scene) -> None:
    stack, run_id = scene.stack, scene.run("stock_ended")
    scene.succeeds("stock_ended", run_id)
    states = {name: task["state"] for name, task in scene.tasks("stock_ended", run_id).items()}
    assert (states["wait_for_refreshes"], states["extract"], states["publish"]) == ("skipped",) * 3
    assert "stock_ended ended at 2025-12-31 23:59 UTC" in stack.log("export__stock_ended", run_id, "wait_for_refreshes")


def test_after_a_failed_refresh_a_run_skips_as_declared(scene: Scene) -> None:
    stack = scene.stack
    assert stack.wait("load_stock", scene.load(fails=True)) == "failed"
    run_id = stack.trigger("export__stock_skips")
    scene.succeeds("stock_skips", run_id)
    assert scene.tasks("stock_skips", run_id)["extract"]["state"] == "skipped"
    assert "the last run of load_stock has failed" in stack.log("export__stock_skips", run_id, "wait_for_refreshes")
