"""`sluice list`: the declared exports."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sluice.commands.table import table
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from sluice.definition.load import Loaded
    from sluice.overview.row import ExportRow
    from sluice.runs.record import Record

COLUMNS = ("export", "kind", "connection", "schedule", "status")
SCHEDULED = {"on": "active", "off": "switched off"}


def list_exports(args: Namespace) -> int:
    """Print the exports by name, as a table or with `--json` one JSON object per line. Returns 0."""
    from sluice.definition.load import load

    rows = list(_rows(load(args.include), datetime.now(UTC)))
    if args.json:
        for row in rows:
            print(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False))
        return 0
    print(table([COLUMNS, *rows]) if rows else "no export is declared")
    return 0


def _rows(loaded: Loaded, now: datetime) -> Iterator[tuple[str, ...]]:
    """The rows of the Exports page, without what Airflow knows. Of runs, only the deliveries of exports that run once
    are looked up."""
    from sluice.overview.choose import Chosen, choose
    from sluice.overview.row import rows

    for row in choose(rows(loaded, {}, _delivered_once(loaded), {}, now), Chosen()).rows:
        if row.status == "broken":
            yield row.name, "", "", "", "broken: see `sluice check`"
        elif row.status == "detached":
            yield row.name, row.kind, "No Connection", row.schedule, "detached"
        else:
            yield row.name, row.kind, row.connection, row.schedule, _status(row, loaded, now)


def _delivered_once(loaded: Loaded) -> Mapping[str, Record]:
    """The last deliveries of the exports that run once; none, with a warning, if staging cannot be read."""
    if not any(export.runs_once for export in loaded.project.exports.values()):
        return {}
    from sluice.airflow.connections import AirflowConnections
    from sluice.runs.index import Index

    try:
        index = Index.of(loaded.project.settings.staging, AirflowConnections())
        index.refresh()
        return {record.export: record for record in index.delivered()}
    except SluiceError as failed:
        print(f"warning: it is not known which exports that run once are done: {failed.what}", file=sys.stderr)
        return {}


def _status(row: ExportRow, loaded: Loaded, now: datetime) -> str:
    """Whether its schedule will start another run; if not, why."""
    from sluice.definition.start import ends

    export = loaded.project.exports[row.name]
    if row.scheduled == "on" and export.when and export.when.start and export.when.start > now:
        return f"active from {export.when.start:%Y-%m-%d %H:%M} UTC"
    if not export.enabled:  # whatever its schedule is
        return SCHEDULED["off"]
    if row.scheduled == "done" and row.refreshed:
        return f"done, delivered at {row.refreshed:%Y-%m-%d %H:%M} UTC"
    said = "once" if row.schedule == "once" else SCHEDULED.get(row.scheduled, row.scheduled)
    if row.end and row.scheduled == "ended":
        return f"{said} at {row.end:%Y-%m-%d %H:%M} UTC"
    return f"{said}, {ends(row.end, now)}" if row.end and row.scheduled == "on" else said
