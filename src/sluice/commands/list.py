"""`sluice list`: the declared exports."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sluice.commands.table import table

if TYPE_CHECKING:
    from sluice.definition.load import Loaded
    from sluice.definition.models.export import Export

COLUMNS = ("export", "kind", "connection", "schedule", "status")


def list_exports(args: Namespace) -> int:
    """Print the exports by name, as a table or with `--json` one JSON object per line. Returns 0."""
    from sluice.definition.load import load

    rows = sorted(_rows(load(args.include), datetime.now(UTC)))
    if args.json:
        for row in rows:
            print(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False))
        return 0
    print(table([COLUMNS, *rows]) if rows else "no export is declared")
    return 0


def _rows(loaded: Loaded, now: datetime) -> Iterator[tuple[str, ...]]:
    for export in loaded.project.exports.values():
        yield export.name, export.kind, export.connection, _schedule(export), _status(export, now)
    for name in loaded.broken:
        yield name, "", "", "", "broken: see `sluice check`"


def _schedule(export: Export) -> str:
    return export.when.says if export.when else str(export.schedule)


def _status(export: Export, now: datetime) -> str:
    """Whether its schedule will start another run; if not, why."""
    from sluice.definition.start import is_active

    if not export.enabled:
        return "switched off"
    spec = export.when
    if is_active(export, now):
        return f"active from {spec.start:%Y-%m-%d %H:%M} UTC" if spec and spec.start and spec.start > now else "active"
    if spec is None:
        return "once" if export.schedule == "once" else "by hand"
    return "ended"
