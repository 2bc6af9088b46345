"""`sluice clean`: remove what an export's dead runs left behind, and its old deliveries, now instead of in its next
run."""

from __future__ import annotations

import sys
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
from sluice.definition.declarations import Declarations
from sluice.definition.load import find
from sluice.definition.models.export import Export
from sluice.definition.models.project import Project
from sluice.delivery.cleaning.clean import Cleaner
from sluice.delivery.cleaning.retention import Retirement
from sluice.runs.record import Record

if TYPE_CHECKING:
    from sluice.airflow.rest import Rest

NOT_FOUND = 404


def clean(args: Namespace) -> int:
    """Clean up after every run that has ended according to Airflow, report runs that did not report their end
    themselves, remove the deliveries that `retention` does not keep, and print what was done. Returns 1 if a run could
    not be cleaned or reported, or a delivery not removed.

    With `--dry-run`, only list the runs that would be cleaned, and the deliveries that would be removed. With
    `--ended`, only record the user's confirmation that no process of one run is alive."""
    project, export = find(Declarations(args.include), args.export)
    over = partial(_over, login(args.include), dag_id(export.name))
    cleaner = Cleaner(project.settings.staging, export.name, AirflowConnections(), over)
    if args.ended:
        stopped = cleaner.mark_stopped(args.ended)
        print(f"run {args.ended}: {stopped} processes that were removing its parts count as stopped; clear it now")
        return 0
    retirement = _retirement(project, export)
    if args.dry_run:
        due = [f"run {run} has ended and has not been cleaned" for run in cleaner.due()]
        due += [_removed(one) for one in (retirement.due(datetime.now(UTC)) if retirement else ())]
        print("\n".join(due) or "nothing to clean")
        return 0
    cleaned = list(cleaner.clean(datetime.now(UTC)))
    retired = list(retirement.retire(datetime.now(UTC), most=sys.maxsize)) if retirement else []
    sentences = [one.sentence for one in cleaned] + [one.sentence for one in retired]
    print("\n".join(sentences) or "nothing to clean")
    unreported = catch_up(Listeners.of(export, project.settings), over, AirflowConnections())
    for page in unreported:
        print(f"not everything was reported: {page}")
    return 1 if unreported or any(one.error for one in cleaned) or any(one.left for one in retired) else 0


def _retirement(project: Project, export: Export) -> Retirement | None:
    """The retention of an export that has one, and a connection."""
    if export.retention is None or not export.connection:
        return None
    return Retirement(export, project.connections[export.connection], project.settings.staging, AirflowConnections())


def _removed(record: Record) -> str:
    size = f"{record.files:,} files, {record.bytes:,} bytes"
    return f"the delivery of run {record.run}, of {record.recorded:%Y-%m-%d %H:%M} UTC, would be removed: {size}"


def _over(rest: Rest, dag: str, run_id: str) -> bool:
    """Whether a run has succeeded, failed, or been deleted."""
    try:
        return state(rest, Run(dag, run_id)) in ENDED
    except RefusedError as refused:
        if refused.status == NOT_FOUND:
            return True
        raise
