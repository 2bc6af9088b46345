"""Every check of an installation, as `sluice doctor` and the Exports page show them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from sluice.airflow.doctor import Asked
from sluice.airflow.private import hostname
from sluice.airflow.worker import timeouts
from sluice.attempt import Attempt
from sluice.definition.load import Loaded
from sluice.definition.models.project import Project, Staging
from sluice.delivery.report.report import versions
from sluice.doctor.check import Check, error, many, ok
from sluice.doctor.clocks import Clock, check_clocks, database_clock, store_clock, worker_clocks
from sluice.doctor.resources import check_disk, check_memory, largest_budget, tasks_at_once
from sluice.doctor.staging import check_shared, check_staging
from sluice.doctor.timeouts import check_timeouts
from sluice.doctor.versions import check_versions
from sluice.doctor.workers import Seen, Timeouts, Workers, current, this_worker
from sluice.errors import SluiceError
from sluice.filesystem import open_filesystem
from sluice.foreign import said
from sluice.model.access import Connections

PATIENCE = 10.0
"""Seconds to wait for databases to tell their time."""
Found = TypeVar("Found")


def checks(loaded: Loaded, airflow: Asked | Check, connections: Connections) -> Iterator[Check]:
    """Every check runs, whatever the others find. `airflow` is a finding if there is no Airflow to ask: what only
    Airflow knows is then not checked."""
    project = loaded.project
    staging = project.settings.staging
    asked = airflow if isinstance(airflow, Asked) else None
    yield _declared(loaded)
    yield from check_staging(staging, connections)
    seen = _tried("workers", lambda: list(Workers.of(staging, connections).seen()))
    notes = [] if isinstance(seen, Check) else seen
    yield from [seen] if isinstance(seen, Check) else []
    yield from [] if isinstance(airflow, Asked) else [airflow]
    if asked:
        yield from _all("airflow", asked.processes)
        yield from _all("workers", asked.queue)
        yield from _all("staging", lambda: check_shared(notes, _ran(asked, staging, connections)))
        yield from _all("pools", lambda: asked.pools(project.pools))
    there = current(notes)
    yield from check_versions(versions(), there)
    yield from _all("clocks", lambda: check_clocks(_clocks(project, asked, there, connections)))
    yield from _resources(project, there)
    yield from _all("timeouts", lambda: check_timeouts(_settings(there), _parse(asked), project))


def _declared(loaded: Loaded) -> Check:
    if loaded.errors:
        broken = ", ".join(sorted(loaded.broken)) or "none"
        what = f"{many(len(loaded.errors), 'error')}; exports that cannot run: {broken}"
        return error("declarations", what, "sluice check")
    return ok(
        "declarations", f"{many(len(loaded.project.exports), 'export')}; `sluice check --connect` tests connections"
    )


def _clocks(project: Project, asked: Asked | None, seen: list[Seen], connections: Connections) -> Iterator[Clock]:
    staging = project.settings.staging
    yield store_clock(open_filesystem(connections, staging.airflow_conn_id, staging.path))
    yield from asked.clocks() if asked else ()
    until = time.monotonic() + PATIENCE
    databases = {one.source.airflow_conn_id for one in project.datasets.values() if one.source.type == "sql"}
    attempts = [Attempt(one, partial(database_clock, one, connections)) for one in sorted(databases)]
    for attempt in attempts:
        clock = attempt.outcome(until)
        if isinstance(clock, Clock):  # a database that does not answer is for `sluice check --connect`
            yield clock
    yield from worker_clocks(seen)


def _resources(project: Project, seen: list[Seen]) -> Iterator[Check]:
    """Of each worker; of this machine if no worker has left a note."""
    budget = largest_budget(project.settings.memory, project.exports)
    for worker in [one.worker for one in seen] or [this_worker(hostname(), "sluice doctor", timeouts())]:
        yield from check_memory(worker, budget, tasks_at_once(project.exports))
        yield from check_disk(worker, budget)


def _ran(asked: Asked, staging: Staging, connections: Connections) -> set[str]:
    """The hosts that have run tasks since the first note; none before it, as after an upgrade."""
    since = Workers.of(staging, connections).since()
    return asked.hosts(since) if since else set()


def _parse(asked: Asked | None) -> float | None:
    return asked.parse() if asked else None


def _settings(seen: list[Seen]) -> Timeouts:
    """Airflow's settings as the last worker saw them; without workers, as this process does."""
    return max(seen, key=lambda one: one.stored).worker.airflow if seen else timeouts()


def _all(name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The findings of a check; an error instead of them if it fails."""
    found = _tried(name, lambda: list(check()))
    yield from [found] if isinstance(found, Check) else found


def _tried(name: str, act: Callable[[], Found]) -> Found | Check:
    try:
        return act()
    except SluiceError as failed:
        return error(name, failed.what, failed.next_step)
    except Exception as failed:
        return error(name, f"unexpected error: {said(failed)}", "report it")
