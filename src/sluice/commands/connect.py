"""`sluice check --connect`: what can be tried before a run. All of it is tried at once, and nothing for long."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from sluice.errors import DefinitionError, RetriableError, SluiceError
from sluice.foreign import said

if TYPE_CHECKING:
    from sluice.definition.models.alerts import Alert
    from sluice.definition.models.catalog import Dataset
    from sluice.definition.models.connection import Connection
    from sluice.definition.models.project import Project, Staging
    from sluice.destinations.base import DestinationConfig
    from sluice.destinations.probe import Probed
    from sluice.model.access import Connections

DEADLINE = 20.0
"""Seconds until every outcome is known, or said to be unknown."""
_PATIENCE = {"timeout": timedelta(seconds=10), "retry_for": timedelta(seconds=5)}
"""What a destination's own limits are cut to: a run is patient, and somebody waits for this."""


@dataclass(frozen=True)
class Found:
    """What a trial has found: lines for stdout, and warnings for stderr."""

    lines: Sequence[str] = ()
    warnings: Sequence[str] = ()


@dataclass
class Trial:
    """One thing that is tried, in a thread of its own: nobody can stop it, and the command does not wait for it."""

    name: str
    fails: str
    """What it means if it fails: "does not deliver"."""
    act: Callable[[], Found]
    _outcome: list[Found | SluiceError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._try, name=f"trial of {self.name}", daemon=True)
        self._thread.start()

    def _try(self) -> None:
        try:
            self._outcome.append(self.act())
        except SluiceError as error:
            self._outcome.append(error)
        except BaseException as error:  # engines panic beside `Exception`, and one trial must not hide the others
            self._outcome.append(RetriableError(f"{self.name}: an error that nobody foresaw: {said(error)}"))

    def outcome(self, until: float) -> Found | SluiceError:
        """What came of it, or that nothing did until then, by the monotonic clock."""
        self._thread.join(max(0.0, until - time.monotonic()))
        silent = f"{self.name}: there was no answer within {DEADLINE:g} seconds"
        return (
            self._outcome[0] if self._outcome else RetriableError(silent, next_step="look whether its server answers")
        )


class Trials:
    """The named connections, or everything: all connections, staging, who hears alerts, and what tells of new rows."""

    def __init__(self, project: Project, names: Sequence[str]) -> None:
        """Start them. Raises `DefinitionError` if a name is no sound connection's."""
        import sluice.airflow.connections  # noqa: F401 - Airflow takes seconds to load: no server's time

        self._until = time.monotonic() + DEADLINE
        for name in names:
            if name not in project.connections:
                raise DefinitionError(f"no sound connection is named {name}", known=sorted(project.connections))
        connections = [project.connections[name] for name in names or sorted(project.connections)]
        self._trials = [Trial(one.name, "does not deliver", partial(_deliver, one)) for one in connections]
        if not names:
            self._trials += _everything_else(project)

    def show(self) -> int:
        """Print what came of each, in their order; how many have failed."""
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
        yield Trial(alert.to, "carries no alerts", partial(_carry, alert, export))
    for _, dataset in sorted(project.datasets.items()):
        yield Trial(dataset.name, "does not answer", partial(_doubts, dataset))


def _deliver(connection: Connection) -> Found:
    from sluice.airflow.connections import AirflowConnections

    return Found([f"{connection.name}: delivers; {probed(connection, AirflowConnections())}"])


def probed(connection: Connection, connections: Connections) -> Probed:
    """Try the connection's keys and its destination. Raises the destination's own errors."""
    from sluice.destinations.probe import probe

    if connection.openpgp:
        connection.openpgp.open(connections, name=connection.name)
    return probe(_impatient(connection.destination), connections, name=connection.name)


def _impatient(destination: DestinationConfig) -> DestinationConfig:
    shorter = {
        key: min(getattr(destination, key), limit) for key, limit in _PATIENCE.items() if hasattr(destination, key)
    }
    return destination.model_copy(update=shorter)


def _stage(staging: Staging) -> Found:
    from sluice.airflow.connections import AirflowConnections
    from sluice.filesystem.probe import probe_staging

    address = probe_staging(AirflowConnections(), staging.airflow_conn_id, staging.path)
    return Found([f"staging: creates files only if they are absent; tried at {address}"])


def _carry(alert: Alert, export: str) -> Found:
    """Look at a connection that alerts go to, and send nothing."""
    from sluice.airflow.alerts import carries

    conn_type = carries(alert, export)
    return Found([f"{alert.receiver}: carries alerts, by a connection of type {conn_type}; none was sent"])


def _doubts(dataset: Dataset) -> Found:
    """Whether the column by which a source tells what is new is safe."""
    from sluice.airflow.connections import AirflowConnections
    from sluice.columns.datasets import doubts

    found = doubts(dataset, AirflowConnections())
    return Found(warnings=[f"{dataset.name}: a row may be passed and never delivered: {doubt}" for doubt in found])
