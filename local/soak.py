"""A load test of the metadata database: triggers, backfills and page views, as a few busy users cause them.

It runs a separate, small Airflow under this load and counts errors. The decision for the embedded PostgreSQL is based
on it.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from local.airflow import Airflow
from local.layout import REPOSITORY, Layout
from sluice.airflow.rest import Rest
from sluice.errors import FatalError, RetriableError

T = TypeVar("T")
DAGS = ("soak_mapped", "soak_asset", "soak_deferred")
ALARMS = ("database is locked", "OperationalError", "deadlock detected", "too many clients", "QueuePool limit")
"""Messages in Airflow's logs and in errors of its commands that show a database in trouble."""
PAGES: dict[str, tuple[str, ...]] = {
    "home": (
        "/",
        "/ui/config",
        "/ui/auth/menus",
        "/ui/dashboard/dag_stats",
        "/ui/dashboard/historical_metrics_data?start_date={day_ago}",
        "/api/v2/importErrors",
        "/api/v2/plugins",
        "/api/v2/monitor/health",
    ),
    "dags": ("/dags", "/ui/dags?limit=50&dag_runs_limit=14", "/api/v2/dagTags"),
    "runs": ("/dag_runs", "/api/v2/dags/~/dagRuns?limit=50&order_by=-run_after", "/ui/dags?limit=50"),
    "grid": (
        "/dags/{dag}",
        "/api/v2/dags/{dag}/details",
        "/ui/grid/structure/{dag}?limit=10",
        "/ui/grid/runs/{dag}?limit=10",
        "/ui/dags/{dag}/latest_run",
        "/ui/calendar/{dag}?granularity=daily&logical_date_gte={new_year}",
        "/ui/structure/structure_data?dag_id={dag}",
    ),
    "run": (
        "/dags/{dag}/runs/{run}",
        "/api/v2/dags/{dag}/dagRuns/{run}",
        "/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=50",
        "/ui/grid/ti_summaries/{dag}?run_ids={run}",
        "/ui/gantt/{dag}/{run}",
        "/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/~/xcomEntries",
    ),
    "backfills": ("/dags/{dag}/backfills", "/ui/backfills?dag_id={dag}&limit=50"),
    "audit": ("/events", "/api/v2/eventLogs?limit=50&order_by=-when", "/api/v2/jobs", "/api/v2/assets"),
    "admin": ("/connections", "/api/v2/connections", "/api/v2/variables", "/api/v2/pools"),
}
"""The pages of the UI, and the requests that each of them makes."""


@dataclass
class Tally:
    """What happened, by kind: `page`, `trigger`, `pause`, `backfill`."""

    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)

    def count(self, kind: str, act: Callable[..., T], *arguments: object) -> T | None:
        """Call `act`, count its outcome and return its result. Errors of the server and of commands count as failures;
        nothing else is caught."""
        began = time.monotonic()
        result = None
        try:
            result = act(*arguments)
            self.done[kind] += 1
        except (RetriableError, FatalError) as error:
            self.failed[kind] += 1
            self.errors.append(f"{datetime.now(UTC):%H:%M:%S} {kind}: {error.what}")
        self.seconds[kind].append(time.monotonic() - began)
        return result

    def report(self) -> dict[str, Any]:
        """Counts and times of each kind of act."""
        return {
            kind: {
                "done": self.done[kind],
                "failed": self.failed[kind],
                "seconds_p50": round(_quantile(times, 0.5), 3),
                "seconds_p99": round(_quantile(times, 0.99), 3),
                "seconds_max": round(max(times), 3),
            }
            for kind, times in sorted(self.seconds.items())
        }


class Load:
    """The users: each method is one of them at work, in its own thread, until `over`."""

    def __init__(self, airflow: Airflow) -> None:
        self.airflow = airflow
        self.tally = Tally()
        self.over = threading.Event()

    def run(self, minutes: float) -> None:
        """Let all users work for `minutes`."""
        with ThreadPoolExecutor() as pool:
            people = [pool.submit(work) for work in (self.view, self.trigger, self.pause, self.backfill)]
            try:
                wait(people, timeout=minutes * 60, return_when=FIRST_EXCEPTION)
            finally:
                self.over.set()
        for person in people:
            person.result()

    def view(self) -> None:
        """Open a page every three seconds."""
        rest = self.rest()
        for (page, paths), dag in zip(itertools.cycle(PAGES.items()), itertools.cycle(DAGS), strict=False):
            if self.over.wait(3):
                return
            now = datetime.now(UTC)
            values = {
                "dag": dag,
                "day_ago": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
                "new_year": f"{now:%Y-01-01T00:00:00Z}",
                "run": (self.tally.count("page", _latest_run, rest, dag) or "none") if page == "run" else "",
            }
            for path in paths:
                self.tally.count("page", rest.fetch, path.format(**values))

    def trigger(self) -> None:
        """Start a run every twelve seconds."""
        rest = self.rest()
        for dag in itertools.cycle(DAGS):
            if self.over.wait(12):
                return
            self.tally.count("trigger", rest.post, f"dags/{dag}/dagRuns", {"logical_date": None})

    def pause(self) -> None:
        """Pause a DAG for ten seconds, every minute."""
        rest = self.rest()
        while not self.over.wait(50):
            for paused in (True, False):
                self.tally.count("pause", rest.patch, f"dags/{DAGS[2]}", {"is_paused": paused})
                self.over.wait(10 if paused else 0)

    def backfill(self) -> None:
        """Backfill another hour with Airflow's own command, whenever the last backfill has finished."""
        rest = self.rest()
        for hour in itertools.count(1):
            if self.over.wait(20):
                return
            listing = self.tally.count("page", rest.fetch, f"/ui/backfills?dag_id={DAGS[0]}&active=true&limit=1")
            if listing and not listing.json()["total_entries"]:
                self.tally.count("backfill", self._backfill, hour)

    def _backfill(self, hour: int) -> None:
        first = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(hours=hour)
        dates = ("--from-date", first.isoformat(), "--to-date", (first + timedelta(minutes=50)).isoformat())
        argv = [sys.executable, "-m", "airflow", "backfill", "create", "--dag-id", DAGS[0], *dates]
        done = subprocess.run(argv, env=self.airflow.environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise FatalError(f"airflow backfill create: exit status {done.returncode}: {done.stderr[-2000:]}")

    def rest(self) -> Rest:
        """A new client."""
        address = self.airflow.address()
        return Rest(address.url, address.user, address.password)


def soak(folder: Path, minutes: float, *, sqlite: bool = False) -> dict[str, Any]:
    """Put a fresh Airflow in `folder` under load for `minutes`. Returns the report, and writes it to `report.json`."""
    home = folder / ("soak-sqlite" if sqlite else "soak")
    layout = Layout(
        home=home,
        dags=REPOSITORY / "local" / "soak_dags",
        port=0,
        database=f"sqlite:///{home / 'airflow.db'}" if sqlite else "",
    )
    airflow = Airflow(layout)
    airflow.stop()
    shutil.rmtree(home, ignore_errors=True)
    airflow.start(say=print)
    try:
        load = Load(airflow)
        _wait_for_dags(load.rest())
        load.run(minutes)
        report = {"minutes": minutes, "acts": load.tally.report(), **_aftermath(load), "errors": load.tally.errors[:50]}
    finally:
        airflow.stop()
    (home / "report.json").write_text(json.dumps(report, indent=2))
    return report


def failures(report: dict[str, Any]) -> int:
    """The number of errors: failed requests and commands, dead processes, failed tasks, alarms in the logs."""
    acts = sum(kind["failed"] for kind in report["acts"].values())
    return int(acts + len(report["died"]) + report["tasks"].get("failed", 0) + sum(report["alarms"].values()))


def _wait_for_dags(rest: Rest) -> None:
    deadline = time.monotonic() + 120
    while not set(DAGS) <= {dag["dag_id"] for dag in rest.every("dags", "dags")}:
        if time.monotonic() > deadline:
            raise FatalError("the DAGs of the soak have not been parsed within 120 s")
        time.sleep(1)


def _aftermath(load: Load) -> dict[str, Any]:
    """The state of the database and the logs after the test."""
    rest = load.rest()
    runs = Counter(run["state"] for run in rest.every("dags/~/dagRuns", "dag_runs"))
    tasks = Counter(ti["state"] for ti in rest.every("dags/~/dagRuns/~/taskInstances", "task_instances"))
    logs = [log.read_text(errors="replace") for log in load.airflow.layout.logs.glob("*.log")]
    alarms = {alarm: sum(text.count(alarm) for text in [*logs, *load.tally.errors]) for alarm in ALARMS}
    died = [process.name for process in load.airflow.processes() if not process.alive()]
    by_state = {str(state): count for state, count in tasks.items()}
    return {"died": died, "runs": dict(runs), "tasks": by_state, "alarms": alarms}


def _latest_run(rest: Rest, dag: str) -> str:
    runs = rest.get(f"dags/{dag}/dagRuns", limit=1, order_by="-run_after")["dag_runs"]
    return str(runs[0]["dag_run_id"]) if runs else "none"


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
