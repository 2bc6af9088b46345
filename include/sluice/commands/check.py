"""`sluice check`: every error and warning of the declarations, then their count; and whether connections deliver."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sluice.errors import DefinitionError, SluiceError

if TYPE_CHECKING:
    from sluice.definition.project import Project

_MANY = {
    "connection": "connections",
    "dataset": "datasets",
    "segment": "segments",
    "refresh": "refreshes",
    "export": "exports",
}


def check(args: argparse.Namespace) -> int:
    """Print an error page for each mistake, which exports cannot run, and the summary. 0 without an error."""
    from sluice.definition.load import load

    loaded = load(args.include)
    for error in loaded.errors:
        print(error.page(), end="\n\n", file=sys.stderr)
    for warning in loaded.warnings:
        print(f"warning: {warning.page()}", end="\n\n", file=sys.stderr)
    sys.stderr.flush()
    if loaded.broken:
        print(f"cannot run: {', '.join(sorted(loaded.broken))}")
    counted = ", ".join(_count(n, one, _MANY[one]) for one, n in loaded.counts.items())
    warned = f", {_count(len(loaded.warnings), 'warning', 'warnings')}" if loaded.warnings else ""
    print(f"{counted}: {_count(len(loaded.errors), 'error', 'errors')}{warned}")
    failed = _connect(loaded.project, args.connect) if args.connect is not None else 0
    failed += _carry(loaded.project) + _cursors(loaded.project) if args.connect == [] else 0
    return 1 if loaded.errors or failed else 0


def _connect(project: Project, names: Sequence[str]) -> int:
    """Try the named connections, or all of them; how many do not deliver."""
    from sluice.airflow.connections import AirflowConnections
    from sluice.delivery.probe import probe

    failed = 0
    for name in names or sorted(project.connections):
        if name not in project.connections:
            raise DefinitionError(f"no sound connection is named {name}", known=sorted(project.connections))
        try:
            address = probe(project.connections[name], AirflowConnections())
        except SluiceError as error:
            failed += 1
            print(f"{name}: does not deliver\n{error.page()}", file=sys.stderr)
        else:
            print(f"{name}: delivers; wrote, read and removed {address}")
    return failed


def _cursors(project: Project) -> int:
    """Ask each source that tells what is new by a column whether that is safe, and warn; how many do not answer."""
    from sluice.airflow.connections import AirflowConnections
    from sluice.delivery.probe import doubts

    failed = 0
    for name, dataset in sorted(project.datasets.items()):
        try:
            found = doubts(dataset, AirflowConnections())
        except SluiceError as error:
            failed += 1
            print(f"{name}: does not answer\n{error.page()}", file=sys.stderr)
        else:
            for doubt in found:
                print(f"warning: {name}: a row may be passed and never delivered: {doubt}", file=sys.stderr)
    return failed


def _carry(project: Project) -> int:
    """Look at every connection that alerts go to, and send nothing; how many carry none."""
    from sluice.airflow.alerts import carries

    receivers = {alert.receiver: (alert, export.name) for export in project.exports.values() for alert in export.alerts}
    failed = 0
    for alert, export in receivers.values():
        try:
            conn_type = carries(alert, export)
        except SluiceError as error:
            failed += 1
            print(f"{alert.to}: carries no alerts\n{error.page()}", file=sys.stderr)
        else:
            print(f"{alert.receiver}: carries alerts, by a connection of type {conn_type}; none was sent")
    return failed


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
