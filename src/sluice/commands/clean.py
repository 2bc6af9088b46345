"""`sluice clean`: remove what an export's dead runs have left, now instead of with its next run."""

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
    """Clean up after every run that Airflow says is over, tell of those that have not said how they ended, and say what
    was done; 1 if one could not be cleaned, or told of. With
    `--dry-run`, only name the runs that would be looked into. With `--ended`, only take someone's word for one run."""
    project, export = load_export(args.include, args.export)
    over = partial(_over, login(args.include), dag_id(export.name))
    cleaner = Cleaner(project.settings.staging, export.name, AirflowConnections(), over)
    if args.ended:
        stopped = cleaner.mark_stopped(args.ended)
        print(f"run {args.ended}: {stopped} processes that began to remove its parts count as stopped; clear it now")
        return 0
    if args.dry_run:
        due = list(cleaner.due())
        print("\n".join(f"run {run} is over, and what it left was not looked for" for run in due) or "nothing to clean")
        return 0
    cleaned = list(cleaner.clean(datetime.now(UTC)))
    print("\n".join(one.sentence for one in cleaned) or "nothing to clean")
    untold = catch_up(Listeners.of(export, project.settings), over, AirflowConnections())
    for page in untold:
        print(f"not everything is told: {page}")
    return 1 if untold or any(one.error for one in cleaned) else 0


def _over(rest: Rest, dag: str, run_id: str) -> bool:
    """Whether a run has succeeded or failed, or someone has deleted it."""
    try:
        return state(rest, Run(dag, run_id)) in ENDED
    except RefusedError as refused:
        if refused.status == NOT_FOUND:
            return True
        raise
