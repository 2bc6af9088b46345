"""`sluice audit`: who did what."""

from __future__ import annotations

from argparse import Namespace
from itertools import islice

from sluice.access.audit import Entry
from sluice.commands.editing import audit_of
from sluice.commands.table import table

HEAD = ("time (UTC)", "who", "what", "subject", "outcome")


def audit(args: Namespace) -> int:
    """Print the last entries of the audit log, newest first: a table, or with `--json` all fields, one JSON object per
    line. Returns 0."""
    found = [entry for _, entry in islice(audit_of(args.include).newest(args.export or ""), args.n)]
    if args.json:
        for entry in found:
            print(entry.model_dump_json())
    elif found:
        print(table([HEAD, *map(_row, found)]))
    else:
        print(f"nothing is recorded{f' of {args.export}' if args.export else ''}")
    return 0


def _row(entry: Entry) -> tuple[str, ...]:
    why = f": {entry.why.splitlines()[0]}" if entry.why else ""
    at = f"{entry.at:%Y-%m-%d %H:%M:%S}"
    return (at, entry.actor, entry.verb, ", ".join(entry.subjects), entry.outcome + why)
