"""`sluice runs`: the last run of every export, from the index of runs."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sluice.airflow.connections import AirflowConnections
from sluice.commands.table import table
from sluice.definition.errors.problem import unknown
from sluice.definition.load import load
from sluice.definition.models.connection import Connection
from sluice.definition.models.project import Project, Staging
from sluice.definition.settings import read_settings
from sluice.delivery.report.indexing import rebuild
from sluice.delivery.report.restoring import restore
from sluice.runs.answers import Wanted
from sluice.runs.compact import compact
from sluice.runs.index import Index
from sluice.runs.journal import Journal
from sluice.runs.record import Record

HEAD = ("export", "connection", "ended (UTC)", "outcome", "records", "bytes", "seconds", "why")
NUMBERS = range(HEAD.index("records"), HEAD.index("why"))


def runs(args: Namespace) -> int:
    """Print the last run of each export, the newest first: a table, or with `--json` one JSON object per line. First
    rebuild or pack the index if the options say so."""
    staging, connections = _staging(args.include), AirflowConnections()
    if args.rebuild:
        added = Counter(rebuild(staging, connections))
        print(f"{added.total():,} reports of {len(added):,} exports added to the index", file=sys.stderr)
    if args.manifests:
        added = Counter(name for connection in _named(args) for name in restore(*connection, connections))
        print(f"{added.total():,} deliveries of {len(added):,} exports added from their manifests", file=sys.stderr)
    if args.compact:
        packed = compact(Journal.of(staging, connections), datetime.now(UTC))
        print(f"{sum(packed.values()):,} records of {len(packed):,} days packed", file=sys.stderr)
    index = Index.of(staging, connections)
    index.refresh()
    wanted = Wanted(args.outcome, args.connection, sort="recorded", descending=True, limit=args.n)
    page = index.last(wanted)
    if args.json:
        for one in page.records:
            print(one.model_dump_json())
        return 0
    print(table([HEAD, *map(_row, page.records)], numbers=NUMBERS) if page.records else "no run is in the index")
    if page.total > len(page.records):
        print(f"{page.total - len(page.records):,} more exports: `-n {page.total}` shows all")
    return 0


def _staging(include: Path) -> Staging:
    found = read_settings(include)
    if found.errors:
        raise found.errors[0]
    return found.settings.staging


def _named(args: Namespace) -> Iterator[tuple[Project, Connection]]:
    """The connections whose manifests are read."""
    project = load(args.include).project
    for name in args.manifests:
        if name not in project.connections:
            what = f"no connection is named `{name}`, or its declaration is not valid"
            raise unknown((), name, project.connections, what, "run `sluice check`").error()
    yield from ((project, project.connections[name]) for name in args.manifests)


def _row(one: Record) -> tuple[str, ...]:
    numbers = (f"{one.records:,}", f"{one.bytes:,}", f"{one.seconds:,.1f}")
    why = one.why if one.outcome != "published" else ""
    return one.export, one.connection, f"{one.ended:%Y-%m-%d %H:%M:%S}", one.outcome, *numbers, why
