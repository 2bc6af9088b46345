"""`sluice check --connect`: tests of everything that can be tested before a run, in parallel and with a deadline."""

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
"""Seconds after which a test without a result is reported as unanswered."""
_PATIENCE = {"timeout": timedelta(seconds=10), "retry_for": timedelta(seconds=5)}
"""Upper limits for a destination's own timeouts: a run may wait long, the user of a command should not."""


@dataclass(frozen=True)
class Found:
    """The result of a test: lines for stdout, and warnings for stderr."""

    lines: Sequence[str] = ()
    warnings: Sequence[str] = ()


@dataclass
class Trial:
    """One test, in its own thread. It cannot be stopped, and the command does not wait for it after the deadline."""

    name: str
    fails: str
    """What a failure means: "does not deliver"."""
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
        except BaseException as error:  # engines may panic outside `Exception`; one test must not hide the others
            self._outcome.append(RetriableError(f"{self.name}: unexpected error: {said(error)}"))

    def outcome(self, until: float) -> Found | SluiceError:
        """The result, or an error if there is none at the monotonic time `until`."""
        self._thread.join(max(0.0, until - time.monotonic()))
        silent = f"{self.name}: no answer within {DEADLINE:g} seconds"
        return (
            self._outcome[0] if self._outcome else RetriableError(silent, next_step="check whether its server answers")
        )


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
    for _, dataset in sorted(project.datasets.items()):
        yield Trial(dataset.name, "does not answer", partial(_doubts, dataset))


def _deliver(connection: Connection) -> Found:
    from sluice.airflow.connections import AirflowConnections

    return Found([f"{connection.name}: delivers; {probed(connection, AirflowConnections())}"])


def probed(connection: Connection, connections: Connections) -> Probed:
    """Test the connection's encryption keys and its destination. Raises the destination's own errors."""
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
    return Found([f"staging: creates files only if they are absent; tested at {address}"])


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
