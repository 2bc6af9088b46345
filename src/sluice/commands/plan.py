"""`sluice plan` and `sluice path`: what a run would do and where its files would go. Nothing is opened."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from sluice.definition.load import load_export
from sluice.delivery.steps import described
from sluice.model.run import Run
from sluice.plan.build import build
from sluice.plan.explain import below, explain, first_part
from sluice.plan.model import Plan


def plan(args: Namespace) -> int:
    """Print the plan of a run that starts now, and the steps by which it chooses its rows."""
    planned = _plan(args)
    print(explain(planned), *described(planned), sep="\n")
    return 0


def path(args: Namespace) -> int:
    """Print each feed's folder and first file, and the manifest, as a run that starts now would name them."""
    planned = _plan(args)
    for feed in planned.feeds:
        print(f"{feed.name}: {below(planned, feed.folder) or '/'}")
        print(f"  {first_part(planned, feed)}, ...")
    print(f"manifest: {below(planned, planned.manifest)}")
    return 0


def _plan(args: Namespace) -> Plan:
    project, export = load_export(args.include, args.export)
    now = datetime.now(UTC)
    run = Run(export=export.name, run_id=f"manual__{now.isoformat()}", export_time=now)
    return build(project, export, run)
