"""`sluice run` and `sluice resend`: start runs through Airflow, and print their results."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sluice.errors import FatalError

if TYPE_CHECKING:
    from sluice.airflow.rest import Rest
    from sluice.airflow.runs import Run
    from sluice.definition.models.export import Export
    from sluice.definition.models.project import Project


def run(args: Namespace) -> int:
    """Start a run of each export, or none if one of them cannot start. With `--wait`, returns 0 only if all succeed."""
    from sluice.airflow.login import login
    from sluice.airflow.names import dag_id
    from sluice.airflow.starting import check_ready, is_paused, start
    from sluice.commands.run_config import conf_of
    from sluice.plan.requested import plan_of

    if bool(args.exports) == args.all:
        args.error("name exports, or use --all")
    wanted = _active(args) if args.all else [*map(_one(args), args.exports)]
    conf, now = conf_of(args), datetime.now(UTC)
    for project, export in wanted:
        plan_of(project, export, conf, "manual", now)  # find errors before anything starts
    confs = {export.name: conf for _, export in wanted}
    rest = login(args.include)
    if args.all:
        paused = [name for name in confs if is_paused(rest, dag_id(name))]
        _leave_out(paused, "their DAGs are paused")
        confs = {name: conf for name, conf in confs.items() if name not in paused}
    check_ready(rest, list(confs))
    return report(rest, {start(rest, name, conf): name for name, conf in confs.items()}, wait=args.wait)


def resend(args: Namespace) -> int:
    """Start a run that delivers an earlier one again, byte by byte."""
    from sluice.airflow.login import login
    from sluice.airflow.starting import resend as start_resend
    from sluice.definition.load import load_export

    load_export(args.include, args.export)
    rest = login(args.include)
    run = start_resend(rest, args.export, args.run)
    return report(rest, {run: args.export}, wait=args.wait)


def report(rest: Rest, started: Mapping[Run, str], *, wait: bool) -> int:
    """Print the runs and, with `wait`, the result of each. Returns 1 if one has failed."""
    from sluice.airflow.starting import ended, outcome, why

    for run, name in started.items():
        print(f"{name}: started {run.run_id}", flush=True)
    failed = 0
    for run, succeeded in ended(rest, list(started)) if wait else ():
        if succeeded:
            print(f"{started[run]}: {outcome(rest, run)}", flush=True)
        else:
            failed += 1
            print(f"{started[run]}: run {run.run_id} has failed\n{why(rest, run)}", file=sys.stderr)
    return 1 if failed else 0


def _one(args: Namespace) -> Any:
    from sluice.definition.declarations import Declarations
    from sluice.definition.load import find_attached

    declared = Declarations(args.include)
    return lambda name: find_attached(declared, name)


def _active(args: Namespace) -> list[tuple[Project, Export]]:
    """Every export with an active schedule. Prints the exports that are left out."""
    from sluice.definition.load import load
    from sluice.definition.start import is_active

    loaded, now = load(args.include), datetime.now(UTC)
    active = [(loaded.project, one) for one in loaded.project.exports.values() if is_active(one, now)]
    names = {export.name for _, export in active}
    _leave_out([name for name in loaded.project.exports if name not in names], "no active schedule")
    _leave_out(list(loaded.project.detached), "no connection")
    _leave_out(list(loaded.broken), "broken, as `sluice check` shows")
    if not active:
        raise FatalError("no export has an active schedule", next_step="name the exports to run")
    return active


def _leave_out(names: Sequence[str], why: str) -> None:
    if names:
        print(f"left out, {why}: {', '.join(sorted(names))}")
