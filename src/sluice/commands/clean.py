"""`sluice clean`: remove what an export's dead runs left behind, now instead of in its next run."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from sluice.airflow.alerts import Listeners, catch_up
from sluice.airflow.connections import AirflowConnections
from sluice.airflow.login import login
from sluice.airflow.names import dag_id
from sluice.airflow.rest import RefusedError
from sluice.airflow.runs import ENDED, Run, state
from sluice.definition.load import load_export
from sluice.delivery.cleaning.clean import Cleaner

if TYPE_CHECKING:
    from sluice.airflow.rest import Rest

NOT_FOUND = 404


def clean(args: Namespace) -> int:
    """Clean up after every run that has ended according to Airflow, report runs that did not report their end
    themselves, and print what was done. Returns 1 if a run could not be cleaned or reported.

    With `--dry-run`, only list the runs that would be cleaned. With `--ended`, only record the user's confirmation
    that no process of one run is alive."""
    project, export = load_export(args.include, args.export)
    over = partial(_over, login(args.include), dag_id(export.name))
    cleaner = Cleaner(project.settings.staging, export.name, AirflowConnections(), over)
    if args.ended:
        stopped = cleaner.mark_stopped(args.ended)
        print(f"run {args.ended}: {stopped} processes that were removing its parts count as stopped; clear it now")
        return 0
    if args.dry_run:
        due = list(cleaner.due())
        print("\n".join(f"run {run} has ended and has not been cleaned" for run in due) or "nothing to clean")
        return 0
    cleaned = list(cleaner.clean(datetime.now(UTC)))
    print("\n".join(one.sentence for one in cleaned) or "nothing to clean")
    unreported = catch_up(Listeners.of(export, project.settings), over, AirflowConnections())
    for page in unreported:
        print(f"not everything was reported: {page}")
    return 1 if unreported or any(one.error for one in cleaned) else 0


def _over(rest: Rest, dag: str, run_id: str) -> bool:
    """Whether a run has succeeded, failed, or been deleted."""
    try:
        return state(rest, Run(dag, run_id)) in ENDED
    except RefusedError as refused:
        if refused.status == NOT_FOUND:
            return True
        raise
