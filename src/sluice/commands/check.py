"""`sluice check`: print all errors, warnings and notes of the declarations and their number, and test connections."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sluice.commands.connect import Trials
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from sluice.airflow.connections import AirflowConnections
    from sluice.columns.check import Checked
    from sluice.definition.models.project import Project

_SSH_TYPES = ("sftp", "ssh")
_MANY = {
    "connection": "connections",
    "dataset": "datasets",
    "segment": "segments",
    "refresh": "refreshes",
    "export": "exports",
}


def check(args: argparse.Namespace) -> int:
    """Print a page for each error, the exports that cannot run, and a summary; warn about unsafe settings of Airflow
    connections. Returns 0 if there is no error.

    Columns are checked against every dataset in a local folder, and with `--connect` against the other datasets too.
    A dataset that cannot be read is an error with `--connect`, and otherwise a warning: its lake may not exist yet."""
    from sluice.definition.declarations import once
    from sluice.definition.load import load
    from sluice.model.registry import broken as broken_connectors

    loaded = load(args.include)
    connects = args.connect is not None
    trials = Trials(loaded.project, args.connect) if connects else None
    columns = _columns(loaded.project, args)
    errors = once([*loaded.errors, *columns.errors])
    warnings, connectors = once([*loaded.warnings, *columns.warnings]), broken_connectors()
    unsafe = _unsafe(loaded.project)
    _print_pages(errors)
    _print_pages([*loaded.notes, *columns.notes], "note: ")
    _print_endings(loaded.project)
    _print_pages(warnings, "warning: ")
    _print_pages(connectors, "warning: ")
    for warning in unsafe:
        print(f"warning: {warning}", end="\n\n", file=sys.stderr)
    _print_pages(columns.unread, "" if connects else "warning: ")
    sys.stderr.flush()
    if broken := sorted({*loaded.broken, *columns.broken}):
        print(f"cannot run: {', '.join(broken)}")
    counted = ", ".join(_count(n, one, _MANY[one]) for one, n in loaded.counts.items())
    wrong = len(errors) + (len(columns.unread) if connects else 0)
    mild = len(warnings) + len(unsafe) + len(connectors) + (0 if connects else len(columns.unread))
    warned = f", {_count(mild, 'warning', 'warnings')}" if mild else ""
    print(f"{counted}: {_count(wrong, 'error', 'errors')}{warned}")
    failed = trials.show() if trials else 0
    return 1 if wrong or failed else 0


def _print_pages(errors: Iterable[SluiceError], prefix: str = "") -> None:
    for error in errors:
        print(f"{prefix}{error.page()}", end="\n\n", file=sys.stderr)


def _print_endings(project: Project) -> None:
    """A line for each export whose schedule has ended, or ends soon."""
    from datetime import UTC, datetime

    from sluice.definition.start import ending

    now = datetime.now(UTC)
    for export in project.exports.values():
        if said := ending(export, now):
            print(f"note: export {export.name} {said}", end="\n\n", file=sys.stderr)


def _columns(project: Project, args: argparse.Namespace) -> Checked:
    """Check the declared columns against the datasets that may be read."""
    from sluice.airflow.connections import AirflowConnections
    from sluice.columns.check import check_columns

    connections = AirflowConnections()
    with _quietly():
        names = set(project.datasets) if args.connect == [] else _looked_at(project, args.connect or (), connections)
        return check_columns(project, args.include, names, connections)


def _looked_at(project: Project, delivering: Sequence[str], connections: AirflowConnections) -> set[str]:
    """The datasets in local folders, and those that are delivered to one of these connections."""
    from sluice.columns.exports import datasets_of, lists_of

    origins = {dataset.name: dataset.source.airflow_conn_id for dataset in project.datasets.values()}
    local = {conn_id for conn_id in set(origins.values()) if _is_local(conn_id, connections)}
    exports = [export for export in project.exports.values() if export.connection in delivering]
    delivered = {
        dataset.name for export in exports for dataset in (*datasets_of(export, project), *lists_of(export, project))
    }
    return delivered | {name for name, conn_id in origins.items() if conn_id in local}


def _unsafe(project: Project) -> list[str]:
    """Warnings about unsafe settings of the Airflow connections that are available here."""
    from sluice.airflow.connections import AirflowConnections
    from sluice.delivery.safety import warnings_of

    connections = AirflowConnections()
    found: list[str] = []
    used = {project.settings.staging.airflow_conn_id}
    used |= {connection.destination.airflow_conn_id for connection in project.connections.values()}
    used |= {dataset.source.airflow_conn_id for dataset in project.datasets.values()}
    with _quietly():
        for conn_id in sorted(used):
            with suppress(SluiceError):
                if connections.type_of(conn_id) in _SSH_TYPES:
                    found += warnings_of([conn_id], connections)
    return found


def _is_local(conn_id: str, connections: AirflowConnections) -> bool:
    """Whether the connection is a folder of this machine. False if this Airflow does not have it."""
    try:
        return connections.type_of(conn_id) == "fs"
    except SluiceError:
        return False


@contextmanager
def _quietly() -> Iterator[None]:
    """Suppress the logs of Airflow and the engines: the error pages already say what is wrong."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
