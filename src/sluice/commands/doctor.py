"""`sluice doctor`: check what an installation needs beside its declarations."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from sluice.airflow.checkup import checks
from sluice.airflow.connections import AirflowConnections
from sluice.airflow.doctor import Asked
from sluice.airflow.login import login
from sluice.definition.load import load
from sluice.definition.models.project import Project
from sluice.doctor.check import Check, many, warning
from sluice.errors import SluiceError
from sluice.patience import brief


def doctor(args: Namespace) -> int:
    """Print a line for each check, and what to do about each problem. Returns 1 if there is an error.

    Every check runs, whatever the others find. Without a running Airflow, what only Airflow knows is not checked."""
    loaded = load(args.include)
    found = []
    with brief():
        for check in checks(loaded, _airflow(args, loaded.project), AirflowConnections()):
            found.append(check)
            print(json.dumps(asdict(check)) if args.json else check.text, flush=True)
    counts = [sum(one.state == state for one in found) for state in ("error", "warning")]
    if not args.json:
        print(f"{many(len(found), 'check')}: {many(counts[0], 'error')}, {many(counts[1], 'warning')}")
    return 1 if counts[0] else 0


def _airflow(args: Namespace, project: Project) -> Asked | Check:
    try:
        return Asked(login(args.include), sorted({**project.exports, **project.detached}))
    except SluiceError as failed:
        return warning("airflow", f"{failed.what}: what only Airflow knows is not checked", failed.next_step)
