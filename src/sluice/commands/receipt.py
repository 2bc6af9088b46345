"""`sluice receipt`: keep what Audience Manager or Adobe Target has made of a delivery with its run."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from sluice.airflow.connections import AirflowConnections
from sluice.audience.receipt import LARGEST, InboundReceipt, parse
from sluice.definition.declarations import Declarations
from sluice.definition.load import find
from sluice.definition.models.project import Project
from sluice.delivery import manifests
from sluice.delivery.hand_over.states import BatchReceipt, asked
from sluice.delivery.report.reader_receipts import ReaderReceipts, fits
from sluice.delivery.verify import read_manifest
from sluice.errors import FatalError
from sluice.model.manifest import Manifest
from sluice.runs.index import Index
from sluice.runs.record import Record

SEARCHED = 50
"""The last deliveries that are searched for the files of a receipt."""


def receipt(args: Namespace) -> int:
    """Read Audience Manager's mail and find its run, or ask Adobe Target about a run, and store the answer. Returns 1
    if the numbers are not those of the run, or if not every profile is updated."""
    project, export = find(Declarations(args.include), args.export)
    mail = parse(_read(args.file)) if args.file is not None else None
    connections = AirflowConnections()
    records = _records(args, project, export.name, connections)
    kept = ReaderReceipts(project.settings.staging, export.name, connections)
    if mail is None:
        run, answer = _asked(records, project, connections, export.name)
        kept.keep(run.flow_run_id, answer)
        print(f"{run.run}: {answer}")
        return 1 if answer.remarks else 0
    run, remarks = _run_of(mail, records, project, connections, export.name)
    kept.keep(run.flow_run_id, mail)
    for line in (mail, *remarks):
        print(f"{run.run}: {line}")
    return 1 if remarks else 0


def _records(args: Namespace, project: Project, export: str, connections: AirflowConnections) -> Sequence[Record]:
    """The deliveries that are searched, newest first."""
    index = Index.of(project.settings.staging, connections)
    index.refresh()
    records = [one for one in index.history(export, SEARCHED).records if one.outcome == "published"]
    if args.run is None:
        return records
    record = index.find(export, args.run) or next((one for one in records if one.flow_run_id == args.run), None)
    return [record] if record and record.outcome == "published" else []


def _asked(
    records: Sequence[Record], project: Project, connections: AirflowConnections, export: str
) -> tuple[Record, BatchReceipt]:
    """The last delivery, and what Adobe Target has made of it."""
    for record in records:
        declared = project.connections.get(record.connection)
        if declared is None or declared.hand_over is None:
            continue
        connection, name = manifests.find(record.manifest, [declared], connections)
        with closing(manifests.opened(connection, connections)) as destination:
            manifest = read_manifest(name, destination)
            return record, asked(declared.hand_over, name, manifest, destination, connections)
    raise FatalError(
        f"no delivery of {export} was handed over to Adobe Target",
        next_step=f"for Audience Manager, name the file with its mail; `sluice report {export}` lists the runs",
    )


def _run_of(
    found: InboundReceipt, records: Sequence[Record], project: Project, connections: AirflowConnections, export: str
) -> tuple[Record, Sequence[str]]:
    """The run whose files the receipt is for, and what is remarkable about it."""
    other: FatalError | None = None
    for record, manifest in _manifests(records, project, connections):
        try:
            return record, fits(found, manifest)
        except FatalError as others:
            other = others
    if len(records) == 1 and other:
        raise other
    raise FatalError(
        f"none of the {len(records)} deliveries of {export} that were searched has the files of this receipt:"
        f" {', '.join(found.files[:3])}",
        next_step=f"name another export, or the run with `--run`: `sluice report {export}` lists them",
    )


def _manifests(
    records: Sequence[Record], project: Project, connections: AirflowConnections
) -> Iterator[tuple[Record, Manifest]]:
    """The manifests of deliveries, as far as their connections are still declared."""
    for record in records:
        if declared := project.connections.get(record.connection):
            connection, name = manifests.find(record.manifest, [declared], connections)
            with closing(manifests.opened(connection, connections)) as destination:
                manifest = read_manifest(name, destination)
            yield record, manifest


def _read(name: str) -> bytes:
    """The message, from a file or from standard input."""
    try:
        if name == "-":
            return sys.stdin.buffer.read(LARGEST + 1)
        with Path(name).open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise FatalError(f"cannot read {name}: {error.strerror}", next_step="name the file with the mail") from None
