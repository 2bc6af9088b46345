"""`sluice plan` and `sluice path`: what a run would do and where its files would go. Nothing is opened."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from sluice.definition.load import load_export
from sluice.delivery.steps import explained
from sluice.overview.detail import plan_now
from sluice.plan.explain import below, first_part
from sluice.plan.model import Plan, named


def plan(args: Namespace) -> int:
    """Print the plan of a run that starts now, and the steps by which it chooses its rows."""
    print(explained(_plan(args)))
    return 0


def path(args: Namespace) -> int:
    """Print each feed's folder and first file, and the manifest, as a run that starts now would name them."""
    planned = _plan(args)
    for feed in planned.feeds:
        print(f"{feed.name}: {below(planned, named(feed.folder, 0)) or '/'}")
        print(f"  {first_part(planned, feed)}, ...")
    print(f"manifest: {below(planned, planned.manifest)}")
    return 0


def _plan(args: Namespace) -> Plan:
    project, export = load_export(args.include, args.export)
    return plan_now(project, export, datetime.now(UTC))
