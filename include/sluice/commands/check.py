"""`sluice check`: every error and warning of the declarations, then their count."""

from __future__ import annotations

import argparse
import sys

_MANY = {
    "connection": "connections",
    "dataset": "datasets",
    "segment": "segments",
    "refresh": "refreshes",
    "export": "exports",
}


def check(args: argparse.Namespace) -> int:
    """Print an error page for each mistake, which exports cannot run, and the summary. 0 without an error."""
    from sluice.definition.load import load

    loaded = load(args.include)
    for error in loaded.errors:
        print(error.page(), end="\n\n", file=sys.stderr)
    for warning in loaded.warnings:
        print(f"warning: {warning.page()}", end="\n\n", file=sys.stderr)
    sys.stderr.flush()
    if loaded.broken:
        print(f"cannot run: {', '.join(sorted(loaded.broken))}")
    counted = ", ".join(_count(n, one, _MANY[one]) for one, n in loaded.counts.items())
    warned = f", {_count(len(loaded.warnings), 'warning', 'warnings')}" if loaded.warnings else ""
    print(f"{counted}: {_count(len(loaded.errors), 'error', 'errors')}{warned}")
    return 1 if loaded.errors else 0


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
