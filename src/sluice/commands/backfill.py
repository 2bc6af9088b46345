"""`sluice backfill`: deliver slices of time again, for exports that know when their rows were added."""

from __future__ import annotations

from argparse import Namespace


def backfill(args: Namespace) -> int:
    """Deliver again what was added between two times, in slices. A clock schedule defines its own slices, which Airflow
    creates; `--by` sets others. The same slices always give the same files."""
    from sluice.airflow.backfills import Backfill
    from sluice.airflow.login import login
    from sluice.commands.run import report
    from sluice.definition.load import load_export

    project, export = load_export(args.include, args.export)
    wanted = Backfill.of(export, args.after, args.until, args.by)
    for plan in wanted.plans(project):
        print(f"{plan.run.window}  {plan.manifest}")
    runs = "created by Airflow" if wanted.by_airflow else "one run each"
    print(f"{export.name}: {len(wanted.parts)} slices, {runs}")
    if args.dry_run:
        return 0
    rest = login(args.include)
    started = wanted.start(rest, {"wake_downstream": True} if args.wake_downstream else {})
    return report(rest, {run: f"{export.name} {part}".strip() for run, part in started.items()}, wait=args.wait)
