"""`sluice check --connect`: tests of everything that can be tested before a run, in parallel and with a deadline."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sluice.attempt import Attempt
from sluice.errors import DefinitionError, SluiceError

if TYPE_CHECKING:
    from sluice.definition.models.alerts import Alert
    from sluice.definition.models.catalog import Dataset
    from sluice.definition.models.connection import Connection
    from sluice.definition.models.project import Project, Staging

DEADLINE = 20.0
"""Seconds after which a test without a result is reported as unanswered."""


@dataclass(frozen=True)
class Found:
    """The result of a test: lines for stdout, and warnings for stderr."""

    lines: Sequence[str] = ()
    warnings: Sequence[str] = ()


class Trial(Attempt[Found]):
    """One test. `fails` is what a failure means: "does not deliver"."""

    def __init__(self, name: str, fails: str, act: Callable[[], Found]) -> None:
        self.fails = fails
        super().__init__(name, act)


class Trials:
    """Tests of the named connections, or of everything: connections, staging, alert receivers, and datasets."""

    def __init__(self, project: Project, names: Sequence[str]) -> None:
        """Start the tests. Raises `DefinitionError` if a name is not that of a valid connection."""
        import sluice.airflow.connections  # noqa: F401 - Airflow takes seconds to load, before the deadline starts

        self._until = time.monotonic() + DEADLINE
        for name in names:
            if name not in project.connections:
                raise DefinitionError(f"there is no valid connection {name}", known=sorted(project.connections))
        connections = [project.connections[name] for name in names or sorted(project.connections)]
        self._trials = [Trial(one.name, "does not deliver", partial(_deliver, one)) for one in connections]
        if not names:
            self._trials += _everything_else(project)

    def show(self) -> int:
        """Print the results in order. Returns the number of failed tests."""
        failed = 0
        for trial in self._trials:
            found = trial.outcome(self._until)
            if isinstance(found, SluiceError):
                failed += 1
                print(f"{trial.name}: {trial.fails}\n{found.page()}", file=sys.stderr, flush=True)
                continue
            for line in found.lines:
                print(line, flush=True)
            for warning in found.warnings:
                print(f"warning: {warning}", file=sys.stderr, flush=True)
        return failed


def _everything_else(project: Project) -> Iterator[Trial]:
    yield Trial("staging", "cannot hold commit logs", partial(_stage, project.settings.staging))
    receivers = {alert.receiver: (alert, export.name) for export in project.exports.values() for alert in export.alerts}
    for alert, export in receivers.values():
        yield Trial(alert.to, "cannot send alerts", partial(_carry, alert, export))
    engines = (segment.engine for segment in project.segments.values())
    for conn_id in sorted({engine.airflow_conn_id for engine in engines if not isinstance(engine, str)}):
        yield Trial(conn_id, "evaluates no segments", partial(_evaluate, conn_id, project.settings.staging))
    for _, dataset in sorted(project.datasets.items()):
        yield Trial(dataset.name, "does not answer", partial(_doubts, dataset))


def _deliver(connection: Connection) -> Found:
    from sluice.airflow.connections import AirflowConnections
    from sluice.delivery.probe import probed

    return Found([f"{connection.name}: delivers; {probed(connection, AirflowConnections())}"])


def _stage(staging: Staging) -> Found:
    from sluice.airflow.connections import AirflowConnections
    from sluice.filesystem.probe import probe_staging

    address = probe_staging(AirflowConnections(), staging.airflow_conn_id, staging.path)
    return Found([f"staging: creates files only if they are absent; tested at {address}"])


def _evaluate(conn_id: str, staging: Staging) -> Found:
    from sluice.airflow.connections import AirflowConnections
    from sluice.refresh.spark.probe import probed

    return Found([f"{conn_id}: evaluates segments in {probed(conn_id, staging, AirflowConnections())}"])


def _carry(alert: Alert, export: str) -> Found:
    """Check a connection for alerts, without sending anything."""
    from sluice.airflow.alerts import carries

    conn_type = carries(alert, export)
    return Found([f"{alert.receiver}: can send alerts, through a connection of type {conn_type}; none was sent"])


def _doubts(dataset: Dataset) -> Found:
    """Warn if rows can appear behind the position of a dataset's incremental column."""
    from sluice.airflow.connections import AirflowConnections
    from sluice.columns.datasets import doubts

    found = doubts(dataset, AirflowConnections())
    return Found(warnings=[f"{dataset.name}: rows may be skipped and never delivered: {doubt}" for doubt in found])
