"""The demo: a lake, an Airflow, one system refresh, and every export that follows it.

Exit status 0 means that everything has been delivered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from local import lake
from local.airflow import Airflow
from local.layout import Layout
from sluice.airflow import runs
from sluice.airflow.rest import Outage, Rest
from sluice.airflow.runs import Run, Task
from sluice.definition.load import load
from sluice.definition.models.catalog import SYSTEM_REFRESH
from sluice.errors import FatalError

PREFIX = "export__"
LIMIT = 20 * 60.0
"""Seconds that parsing, the refresh and the exports may take together."""
POLL = 1.5
"""Seconds between two polls; each costs the API server a little."""
SHOWN = ("success", "failed", "skipped", "upstream_failed", "up_for_retry", "deferred")
"""The task states that are printed."""
COLUMNS = ("export", "connection", "files", "records", "bytes", "seconds", "manifest")


class Demo:
    """One demo run, which prints its progress line by line."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.airflow = Airflow(layout)
        self.began = time.monotonic()
        self._ours = not self.airflow.running()
        """Whether the demo starts and stops Airflow."""
        self._shown: dict[object, object] = {}

    def run(self, scale: float) -> int:
        """Run the whole demo. Returns the exit status."""
        with self._airflow(scale) as rest:
            deadline = time.monotonic() + LIMIT
            self._wait_for_dags(rest, deadline)
            followers = self._followers(rest)
            if self._ours:
                end_leftovers(rest, followers, self.say)
            refresh = runs.trigger(rest, SYSTEM_REFRESH)
            self.say(f"the system refresh is triggered: {refresh.run_id}")
            exports = self._follow(rest, refresh, followers, deadline)
            return self._conclude(rest, refresh, followers, exports)

    def say(self, line: str) -> None:
        """Print a line, with the seconds since the start."""
        print(f"{time.monotonic() - self.began:6.1f} s  {line}", flush=True)

    @contextmanager
    def _airflow(self, scale: float) -> Iterator[Rest]:
        """A client of a running Airflow, with a finished lake. An Airflow that was already running is not stopped."""
        try:
            with ThreadPoolExecutor(max_workers=1) as pool:
                made = pool.submit(self._make_lake, scale)
                address = self.airflow.start(say=self.say)
                made.result()
            self.say(f"Airflow is up: {address.url}, user {address.user}, password {address.password}")
            outage = Outage(say=self.say, meanwhile=self.airflow.ensure_alive)
            yield Rest(address.url, address.user, address.password, outage=outage)
        finally:
            if self._ours:
                self.airflow.stop()

    def _make_lake(self, scale: float) -> None:
        folder = self.layout.root / "lake" / "tpch"
        if lake.made_at(folder) != scale:
            self.say(f"making the lake: TPC-H at scale {scale:g}")
            lake.make(folder, scale)
        self.say(f"the lake is ready: {folder}")

    def _wait_for_dags(self, rest: Rest, deadline: float) -> None:
        """Wait until Airflow knows the system refresh and a DAG for each declared export."""
        loaded = load(self.layout.include)
        wanted = {SYSTEM_REFRESH, *(PREFIX + name for name in (*loaded.project.exports, *loaded.broken))}
        while missing := wanted - {dag["dag_id"] for dag in rest.every("dags", "dags")}:
            if time.monotonic() > deadline or self._import_errors(rest):
                raise FatalError(
                    f"Airflow does not know {', '.join(sorted(missing))}",
                    next_step=f"see the import errors above, and {self.layout.logs / 'dag-processor.log'}",
                )
            self.airflow.ensure_alive()
            time.sleep(0.5)
        self.say(f"{len(wanted) - 1} exports are declared")

    def _import_errors(self, rest: Rest) -> bool:
        """Print every file that Airflow could not import. Returns whether there is one."""
        errors = list(rest.every("importErrors", "import_errors"))
        for error in errors:
            self._once(error["filename"], error["stack_trace"], f"{error['filename']}:\n{error['stack_trace'].strip()}")
        return bool(errors)

    def _followers(self, rest: Rest) -> set[str]:
        """The DAGs that the refresh starts. Paused ones are printed, and not waited for."""
        assets = rest.every("assets", "assets", name_pattern=SYSTEM_REFRESH)
        scheduled = {dag["dag_id"] for one in assets if one["name"] == SYSTEM_REFRESH for dag in one["scheduled_dags"]}
        paused = {dag["dag_id"] for dag in rest.every("dags", "dags", paused=True)} & scheduled
        for dag_id in sorted(paused):
            self.say(f"{dag_id} is paused, so it is left out")
        return scheduled - paused

    def _follow(self, rest: Rest, refresh: Run, followers: set[str], deadline: float) -> dict[Run, str]:
        """Print what happens until the refresh and every run it started have ended. Returns the states of those
        runs."""
        while True:
            exports = runs.started_by(rest, refresh)
            refreshed = runs.state(rest, refresh)
            for task in runs.tasks(rest, [refresh, *exports]):
                self._tell_task(rest, task)
            missing = followers - {run.dag_id for run in exports}
            open_ones = [run.dag_id for run, state in exports.items() if state not in runs.ENDED]
            if refreshed == "failed" or (refreshed == "success" and not missing and not open_ones):
                return exports
            if time.monotonic() > deadline:
                waited_for = ", ".join(sorted({*missing, *open_ones}) or [SYSTEM_REFRESH])
                raise FatalError(
                    f"not done within {LIMIT / 60:.0f} min: {waited_for}",
                    next_step=f"see the task logs in {self.layout.airflow / 'logs'}",
                )
            self.airflow.ensure_alive()
            time.sleep(POLL)

    def _tell_task(self, rest: Rest, task: Task) -> None:
        key = (task.run, task.task_id, task.map_index)
        name = f"{task.run.dag_id.removeprefix(PREFIX):<20} {task.title}"
        if task.state in SHOWN:
            self._once(key, (task.state, task.tries), f"{name}: {task.state}")
        elif task.task_id == "upload" and task.state == "running":
            seen = runs.progress(rest, task)
            done = (
                f"{seen.get('chunks_sent', 0)} of {seen.get('chunks')} chunks, {seen.get('records_sent', 0):,} records"
            )
            if seen:
                self._once(key, done, f"{name}: {done}")

    def _once(self, key: object, news: object, line: str) -> None:
        """Print a line if `news` about `key` has changed."""
        if self._shown.get(key) != news:
            self._shown[key] = news
            self.say(line)

    def _conclude(self, rest: Rest, refresh: Run, followers: set[str], exports: dict[Run, str]) -> int:
        """Print each failure, then the table, then the totals. Returns the exit status."""
        failed = [run for run, state in exports.items() if state != "success"]
        for run in [refresh, *failed] if runs.state(rest, refresh) != "success" else failed:
            self._tell_failure(rest, run)
        reports = [runs.result(rest, run, "publish") for run in sorted(exports)]
        delivered = [report for report in reports if report]
        never_started = followers - {run.dag_id for run in exports}
        short = [report | {"manifest": report["manifest"].removeprefix(f"{self.layout.root}/")} for report in delivered]
        print("\n" + table(short) + "\n")
        files, records = (sum(report[key] for report in delivered) for key in ("files", "records"))
        failures = len(failed) + len(never_started)
        print(f"delivered: {len(delivered):,} exports, {files:,} files, {records:,} records, {failures} failed")
        return 1 if failures or not delivered else 0

    def _tell_failure(self, rest: Rest, run: Run) -> None:
        """Print the failed tasks of a run, each with the end of its log."""
        for task in runs.tasks(rest, [run]):
            if task.state == "failed":
                lines = "\n".join(f"    {line}" for line in runs.log(rest, task)[-25:])
                print(f"\n{run.dag_id}: {task.title} has failed; the end of its log:\n{lines}")


def end_leftovers(rest: Rest, followers: Iterable[str], say: Callable[[str], None]) -> None:
    """End the runs that a killed demo left: its refresh, and the exports that followed it. They would continue in this
    Airflow, and the new runs would wait for them, because each DAG has one active run at a time."""
    for run in sorted(runs.going(rest, [SYSTEM_REFRESH, *followers])):
        if run.dag_id == SYSTEM_REFRESH or run.run_id.startswith("asset_triggered__"):
            rest.patch(run.path, {"state": "failed"})
            say(f"{run.dag_id} was still running when Airflow was stopped: its run {run.run_id} is ended")


def table(reports: list[dict[str, Any]]) -> str:
    """Deliveries as a text table, with numbers right-aligned."""
    rows = [[_cell(report.get(column)) for column in COLUMNS] for report in reports]
    widths = [max(len(row[i]) for row in [list(COLUMNS), *rows]) for i in range(len(COLUMNS))]
    right = [column in {"files", "records", "bytes", "seconds"} for column in COLUMNS]
    cells = [
        [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        for row in [list(COLUMNS), ["-" * width for width in widths], *rows]
    ]
    return "\n".join("  ".join(row).rstrip() for row in cells)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
