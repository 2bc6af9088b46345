"""A real Airflow under the tests: its own database, processes, ports and project folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from local.airflow import Airflow
from local.layout import Layout
from sluice.airflow import runs
from sluice.airflow.rest import Rest
from sluice.airflow.runs import Run
from sluice.definition.models.catalog import SYSTEM_REFRESH
from sluice.errors import RetriableError

T = TypeVar("T")
PROJECT = Path(__file__).parent / "project"
FOLLOWERS = ("export__broken", "export__loyal", "export__purchases")
"""The exports that follow every system refresh. They are paused unless a test is about them: a refresh for another test
would start all of them."""
PATIENCE = 900.0
"""Seconds that a test waits for what comes within a minute: on a tenth of a core it takes ten."""


def until(what: str, ask: Callable[[], T | None], timeout: float = PATIENCE) -> T:
    """Ask until there is an answer, and return it. Fails the test after `timeout` seconds.

    An API server that is silent for a while is no answer: on a busy machine it takes longer than a request waits."""
    deadline = time.monotonic() + timeout
    while True:
        silent = ""
        try:
            if answer := ask():
                return answer
        except RetriableError as error:
            silent = f": {error}"
        assert time.monotonic() < deadline, f"waited {timeout:.0f} s for {what}{silent}"
        time.sleep(0.5)


class Stack:
    """An Airflow that runs the project's DAGs over the declarations of `tests/integration/project`, copied to `root`.

    Relative paths of `fs` connections start at `root`. The declarations may be changed while it runs: after `reparse`,
    the DAG processor sees them within a few seconds.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        shutil.copytree(PROJECT, self.root)
        # The product's own files of DAGs beside the project's: as a user has them in one folder.
        shutil.copytree(Layout.dags, self.root / "dags", dirs_exist_ok=True)
        self.layout = Layout(
            home=folder / "home",
            root=self.root,
            include=self.root / "include",
            dags=self.root / "dags",
            settings=self.root / "airflow_settings.yaml",
            port=0,
            reparse=120,  # every 15 s, a tenth of a core went into it
            environment={
                # A task whose process could not parse its DAG, for want of memory, would wait a minute.
                "AIRFLOW__WORKERS__MISSING_DAG_RETRY_DELAY": "2",
                # Each look takes a twentieth of a second of a core, which the other tests need.
                "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.7",
            },
        )
        self.airflow = Airflow(self.layout)

    def start(self) -> None:
        """Start, and wait until everything is healthy."""
        address = self.airflow.start()
        self.rest = Rest(address.url, address.user, address.password)
        for dag_id in FOLLOWERS:
            self.wait_for_dag(dag_id)
            self.unpause(dag_id, paused=True)

    @contextmanager
    def followers(self) -> Iterator[None]:
        """During the block, the exports that follow the system refresh do so."""
        for dag_id in FOLLOWERS:
            self.unpause(dag_id)
        try:
            yield
        finally:
            for dag_id in FOLLOWERS:
                self.unpause(dag_id, paused=True)

    def stop(self) -> None:
        """Stop every process of it."""
        self.airflow.stop()

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run of a DAG, once Airflow knows it. Returns its id."""
        self.wait_for_dag(dag_id)
        return runs.trigger(self.rest, dag_id, conf).run_id

    def wait(self, dag_id: str, run_id: str, timeout: float = PATIENCE) -> str:
        """Wait until a run has ended, `success` or `failed`; print why it has failed."""

        def ended() -> str | None:
            state = runs.state(self.rest, Run(dag_id, run_id))
            return state if state in runs.ENDED else None

        state = self.until(f"{dag_id} {run_id} to end", ended, timeout)
        if state == "failed":
            print(self.story(dag_id, run_id))
        return state

    def refreshed(self) -> None:
        """Segments have members: run the system refresh, unless it has already succeeded."""
        if "success" not in runs.last(self.rest, SYSTEM_REFRESH, 5).values():
            assert self.wait(SYSTEM_REFRESH, self.trigger(SYSTEM_REFRESH)) == "success"

    def wait_for_dag(self, dag_id: str, timeout: float = PATIENCE) -> None:
        """Wait until Airflow has parsed a DAG."""
        asked = 0.0

        def known() -> bool:
            nonlocal asked
            if dag_id in {dag["dag_id"] for dag in self.rest.every("dags", "dags")}:
                return True
            if time.monotonic() > asked + 10:  # a parse that had already begun does not see what has changed since
                self.reparse()
                asked = time.monotonic()
            return False

        self.until(f"the DAG {dag_id}; import errors: {self.import_errors()}", known, timeout)

    def reparse(self) -> None:
        """Let the DAG processor parse every file now: they look changed."""
        for file in (self.root / "dags").glob("*.py"):
            file.touch()

    def until(self, what: str, ask: Callable[[], T | None], timeout: float = PATIENCE) -> T:
        """Ask until there is an answer, and return it. Fails the test after `timeout` seconds."""
        return until(what, ask, timeout)

    def started_by(self, dag_id: str, run_id: str) -> dict[str, str]:
        """The run ids, by their DAGs, of what a run's asset events have started so far."""
        return {run.dag_id: run.run_id for run in runs.started_by(self.rest, Run(dag_id, run_id))}

    def report_after(self, dag_id: str, refresh: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """The report of the run that the system refresh's run `refresh` has started, once that has succeeded."""
        began = time.monotonic()
        run_id = self.until(
            f"{SYSTEM_REFRESH} {refresh} to start {dag_id}",
            lambda: self.started_by(SYSTEM_REFRESH, refresh).get(dag_id),
            timeout,
        )
        assert self.wait(dag_id, run_id, timeout - (time.monotonic() - began)) == "success"
        report: dict[str, Any] = self.xcom(dag_id, run_id, "publish")
        return report

    def story(self, dag_id: str, run_id: str) -> str:
        """What a run's failed tasks have logged."""
        failed = [task for task in runs.tasks(self.rest, [Run(dag_id, run_id)]) if task.state == "failed"]
        return "\n".join(line for task in failed for line in [f"--- {dag_id} {task.title}", *runs.log(self.rest, task)])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Every task instance of a run, as the API has it."""
        return list(self.rest.every(f"{Run(dag_id, run_id).path}/taskInstances", "task_instances"))

    def running_pid(self, dag_id: str, run_id: str, task_id: str) -> int | None:
        """The process of a task's first running instance; None while there is none."""
        tasks = self.task_instances(dag_id, run_id)
        pids = [task["pid"] for task in tasks if task["task_id"] == task_id and task["state"] == "running"]
        return next((pid for pid in pids if pid), None)

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task that is not mapped has returned; None if it has returned nothing."""
        return runs.result(self.rest, Run(dag_id, run_id), task_id)

    def log(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
        """What the tries of a task have logged: a busy machine may lose one."""
        tasks = runs.tasks(self.rest, [Run(dag_id, run_id)])
        [task] = [task for task in tasks if (task.task_id, task.map_index) == (task_id, map_index)]
        tries = [replace(task, tries=number) for number in range(1, max(task.tries, 1) + 1)]
        return "\n".join(line for one in tries for line in runs.log(self.rest, one))

    def unpause(self, dag_id: str, *, paused: bool = False) -> None:
        """Let a DAG run by itself; with `paused`, stop it from doing so."""
        self.rest.patch(f"dags/{dag_id}", {"is_paused": paused})

    def project(self, folder: Path) -> Path:
        """A project folder whose local Airflow this one is, for commands that look for it there."""
        folder.mkdir()
        (folder / ".local").symlink_to(self.layout.home)
        (folder / "include").symlink_to(self.layout.include)
        return folder

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run an `airflow` command, as an operator would in a shell."""
        argv = [sys.executable, "-m", "airflow", *words]
        return subprocess.run(argv, env=self.airflow.environment(), capture_output=True, text=True, check=False)

    def import_errors(self) -> list[dict[str, Any]]:
        """The files that Airflow could not import: `filename` and `stack_trace` of each."""
        return list(self.rest.every("importErrors", "import_errors"))

    @property
    def deliveries(self) -> Path:
        """Where the connection `deliveries` delivers to."""
        return self.root / "deliveries"

    def delivered(self) -> list[str]:
        """Every file below `deliveries`, sorted."""
        return sorted(str(file.relative_to(self.deliveries)) for file in self.deliveries.rglob("*") if file.is_file())
