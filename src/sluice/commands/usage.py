"""`sluice usage`: what was delivered in a contract year, and what the licence grants."""

from __future__ import annotations

import csv
import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sluice.airflow.connections import AirflowConnections
from sluice.commands.table import table
from sluice.definition.models.moments import FIRST_YEAR, LAST_YEAR
from sluice.definition.settings import read_settings
from sluice.errors import DefinitionError
from sluice.licence.spell import spell_volume
from sluice.licence.usage import Line, Usage, read_usage
from sluice.runs.index import Index

FIGURES = ("deliveries", "files", "records", "bytes")
YEARS = ("year", "year_starts", "year_ends", "entitlement", "used", "share", "forecast")


def usage(args: Namespace) -> int:
    """Print the contract year, and a line for each connection, export or month: as text, with `--json` as one JSON
    object, with `--csv` as one row per line."""
    if args.year is not None and not FIRST_YEAR <= args.year <= LAST_YEAR:
        raise DefinitionError(
            f"there is no contract year {args.year}",
            next_step=f"name the calendar year in which it starts, from {FIRST_YEAR} to {LAST_YEAR}",
        )
    found = read_settings(args.include)
    if found.errors:
        raise found.errors[0]
    index = Index.of(found.settings.staging, AirflowConnections())
    index.refresh()
    licence = found.settings.licence
    shown = read_usage(index, licence, datetime.now(UTC), named=args.year, by=args.by)
    if args.json:
        print(json.dumps(_year(shown) | {"by": args.by, "lines": [_values(line, args.by) for line in shown.lines]}))
    elif args.csv:
        rows = csv.DictWriter(sys.stdout, ["counts", "kind", "application", args.by, *FIGURES], lineterminator="\n")
        rows.writeheader()
        rows.writerows(_values(line, args.by) for line in shown.lines)
    else:
        print("\n".join(_text(shown, args.by)))
    return 0


def _year(shown: Usage) -> dict[str, Any]:
    year = shown.year
    values = (year.name, f"{year.start}", f"{year.last}", shown.entitlement, shown.used, shown.share, shown.forecast)
    return dict(zip(YEARS, values, strict=True))


def _values(line: Line, by: str) -> dict[str, Any]:
    own = {"counts": line.counts, "kind": line.kind, "application": line.application, by: line.of}
    return own | line.volume._asdict()


def _text(shown: Usage, by: str) -> Iterator[str]:
    year, granted = shown.year, shown.entitlement
    yield f"contract year {year.name}: from {year.start} to {year.last}, UTC"
    yield f"  entitlement  {_bytes(granted) if granted is not None else 'not declared: `licence` in project.yaml'}"
    yield f"  used         {_bytes(shown.used)}{_share(shown.used, granted)}"
    if shown.forecast is not None:
        yield f"  forecast     {_bytes(shown.forecast)}{_share(shown.forecast, granted)}"
    for title, counts in (("dataset exports", True), ("other exports, which do not count", False)):
        lines = [line for line in shown.lines if line.counts is counts]
        if lines or counts:
            yield f"\n{title}"
            yield _table(lines, by) if lines else "nothing was delivered"


def _table(lines: list[Line], by: str) -> str:
    head = ("kind", "application", by, *FIGURES)
    rows = [(line.kind, line.application or "-", line.of, *(f"{n:,}" for n in line.volume)) for line in lines]
    return table([head, *rows], numbers=range(3, len(head)))


def _bytes(value: int) -> str:
    return f"{value:,} bytes ({spell_volume(value)})"


def _share(value: int, granted: int | None) -> str:
    return f", {value / granted:.1%} of the entitlement" if granted else ""
