"""`sluice report`: the results of an export's last runs."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator

from sluice.airflow import runs
from sluice.airflow.connections import AirflowConnections
from sluice.airflow.login import login
from sluice.airflow.names import dag_id
from sluice.airflow.starting import why
from sluice.commands.table import table
from sluice.definition.load import load_export
from sluice.delivery.report.history import History
from sluice.delivery.report.report import Report
from sluice.errors import SluiceError

HEAD = ("ended (UTC)", "run", "outcome", "files", "records", "rejected", "bytes", "seconds")
NUMBERS = range(HEAD.index("files"), len(HEAD))


def report(args: Namespace) -> int:
    """Print the last reports, newest first: a table, or with `--json` all fields, one JSON object per line."""
    project, export = load_export(args.include, args.export)
    reports = History(project.settings.staging, export.name, AirflowConnections()).last(args.n)
    if args.json:
        for one in reports:
            print(json.dumps(one.model_dump(mode="json"), ensure_ascii=False))
        return 0
    print(table([HEAD, *map(_row, reports)], numbers=NUMBERS) if reports else f"{export.name} has no report yet")
    for one in reports:
        for remark in (*([one.why] if one.why else []), *(f"warning: {warning}" for warning in one.warnings)):
            print(f"{one.run}: {remark}")
    for line in _unreported(args, export.name, {one.run for one in reports}):
        print(line)
    return 0


def _unreported(args: Namespace, export: str, reported: set[str]) -> Iterator[str]:
    """Lines about the last runs without a report, from Airflow: they ended before they could write one."""
    try:
        rest = login(args.include)
        found = runs.last(rest, dag_id(export), args.n)
        for run, state in found.items():
            if run.run_id not in reported:
                yield f"{run.run_id}: {state}, without a report"
                yield from why(rest, run).splitlines() if state == "failed" else ()
    except SluiceError as error:
        yield f"runs without a report are known only to Airflow: {error.what}"
        return
    if not (reported or found):
        yield f"{export} has not run yet"


def _row(one: Report) -> tuple[str, ...]:
    numbers = (one.files, one.records, one.rejected + one.duplicates, one.bytes)
    took = f"{sum(one.steps.values()):,.1f}"
    return (one.ended_at[:19].replace("T", " "), one.run, one.outcome, *(f"{number:,}" for number in numbers), took)
