"""`sluice report`: the results of an export's last runs."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from sluice.airflow import runs
from sluice.airflow.connections import AirflowConnections
from sluice.airflow.login import login
from sluice.airflow.names import dag_id
from sluice.airflow.starting import why
from sluice.commands.table import table
from sluice.definition.declarations import Declarations
from sluice.definition.load import find
from sluice.definition.models.project import Staging
from sluice.delivery.report.history import History
from sluice.delivery.report.reader_receipts import ReaderReceipts
from sluice.delivery.report.report import Report
from sluice.errors import SluiceError
from sluice.runs.index import Index
from sluice.runs.record import Record

HEAD = ("ended (UTC)", "run", "outcome", "files", "records", "rejected", "bytes", "seconds")
NUMBERS = range(HEAD.index("files"), len(HEAD))


def report(args: Namespace) -> int:
    """Print the last runs, newest first: a table, or with `--json` all fields, one JSON object per line. Runs whose
    report is no longer kept are shown as far as the index of runs knows them."""
    project, export = find(Declarations(args.include), args.export)
    records, reports = _last(project.settings.staging, export.name, args.n)
    receipts = ReaderReceipts(project.settings.staging, export.name, AirflowConnections())
    if args.json:
        for record in records:
            print(json.dumps(_whole(reports.get(record, record), receipts), ensure_ascii=False))
        return 0
    print(table([HEAD, *map(_row, records)], numbers=NUMBERS) if records else f"{export.name} has no report yet")
    for record in records:
        for remark in (*_remarks(record, reports.get(record)), *map(str, receipts.of(record.flow_run_id))):
            print(f"{record.run}: {remark}")
    for line in _unreported(args, export.name, {one.run for one in records}):
        print(line)
    return 0


def _whole(one: Report | Record, receipts: ReaderReceipts) -> dict[str, Any]:
    """Every field, with the receipts of its readers if there are any."""
    found = [receipt.model_dump(mode="json") for receipt in receipts.of(one.flow_run_id)]
    return one.model_dump(mode="json") | ({"receipts": found} if found else {})


def _last(staging: Staging, export: str, n: int) -> tuple[list[Record], dict[Record, Report]]:
    """The last runs from the index, and the reports of those that are still kept."""
    connections = AirflowConnections()
    history, index = History(staging, export, connections), Index.of(staging, connections)
    history.catch_up()
    index.refresh()
    records = index.history(export, n).records
    found = ((one, history.find(one.flow_run_id)) for one in records)
    return records, {one: report for one, report in found if report is not None and report.run == one.run}


def _remarks(record: Record, report: Report | None) -> Iterator[str]:
    why = report.why if report else record.why
    if why:
        yield why
    for name, feed in report.feeds.items() if report else ():
        yield from (f"{name}: left out {count:,} rows: {reason}" for reason, count in feed.left_out.items())
    if report:
        yield from (f"warning: {warning}" for warning in report.warnings)
        for name, feed in report.feeds.items():
            if feed.too_old:
                yield f"{name}: {feed.too_old:,} events were left out: they are too old"
            if feed.groups:
                said = ", ".join(f"{group} with {records:,} records" for group, records in feed.groups.items())
                yield f"{name}: split into {len(feed.groups)}: {said}"
            if feed.accounts is not None:
                yield f"{name}: {feed.written:,} contacts of {feed.accounts:,} accounts"
    elif record.warnings:
        yield f"{record.warnings:,} warnings, in a report that is no longer kept"


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


def _row(one: Record) -> tuple[str, ...]:
    numbers = (one.files, one.records, one.rejected + one.duplicates, one.bytes)
    ended = f"{one.ended:%Y-%m-%d %H:%M:%S}"
    return (ended, one.run, one.outcome, *(f"{number:,}" for number in numbers), f"{one.seconds:,.1f}")
