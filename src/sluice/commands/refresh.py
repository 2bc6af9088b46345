"""`sluice refresh`: run the system refresh now, and print its results."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sluice.commands.table import table

if TYPE_CHECKING:
    from sluice.airflow.rest import Rest
    from sluice.airflow.runs import Run

COLUMNS = ("task", "state", "members")


def refresh(args: Namespace) -> int:
    """Start the system refresh, wait until it finishes, and print the result of each task. Returns 0 only if it
    succeeds. Exports that follow it start automatically."""
    from sluice.airflow.login import login
    from sluice.airflow.starting import ended, start_refresh, why
    from sluice.definition.models.schedule import SYSTEM_REFRESH

    rest = login(args.include)
    run, queued = start_refresh(rest)
    print(
        f"{SYSTEM_REFRESH}: started {run.run_id}{', queued after the one that is running' if queued else ''}",
        flush=True,
    )
    [(_, succeeded)] = ended(rest, [run])
    print(table([COLUMNS, *_rows(rest, run)], numbers={COLUMNS.index("members")}), flush=True)
    if not succeeded:
        print(f"{SYSTEM_REFRESH}: run {run.run_id} has failed\n{why(rest, run)}", file=sys.stderr)
    return 0 if succeeded else 1


def _rows(rest: Rest, run: Run) -> Iterator[tuple[str, ...]]:
    """A row for each task that refreshes something; segments with their number of members."""
    from sluice.airflow import runs

    for task in runs.tasks(rest, [run]):
        kind, mark, name = task.title.partition("__")
        if mark:
            members = (runs.result(rest, run, task.task_id) or {}).get("records") if kind == "segment" else None
            yield f"{kind} {name}", task.state, "" if members is None else f"{members:,}"
