"""`sluice backfill`: slices of time again, for every export that knows what was added."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sluice.errors import DefinitionError
from sluice.model.run import Run, Window

if TYPE_CHECKING:
    from sluice.airflow.rest import Rest
    from sluice.definition.models.export import Export
    from sluice.plan.slices import Step

MOST = 1000
"""Slices of one backfill: each is a run."""


def backfill(args: Namespace) -> int:
    """Deliver what was added between two moments, slice by slice. A schedule by the clock has its own slices, which
    Airflow makes; `--by` cuts others. RunConfig for again, the same slices give the same files."""
    from sluice.definition.load import load_export
    from sluice.plan.build import build

    project, export = load_export(args.include, args.export)
    whole = _whole(args.after, args.until)
    parts = _slices(export, whole, args.by)
    plans = [build(project, export, Run(export=export.name, run_id="", export_time=p.until, window=p)) for p in parts]
    for plan in plans:
        print(f"{plan.run.window}  {plan.manifest}")
    print(f"{export.name}: {len(parts)} slices, {'made by Airflow' if _by_airflow(export, args.by) else 'a run each'}")
    if args.dry_run:
        return 0
    return _start(args, export, whole, parts)


def _start(args: Namespace, export: Export, whole: Window, parts: Sequence[Window]) -> int:
    from sluice.airflow.login import login
    from sluice.airflow.starting import check_ready, start
    from sluice.commands.run import report

    rest = login(args.include)
    check_ready(rest, [export.name])
    if _by_airflow(export, args.by):
        return _airflow(args, rest, export, whole)
    conf = {"wake_downstream": True} if args.wake_downstream else {}
    started = {}
    for part in parts:
        ends = {"from": part.after.isoformat(), "to": part.until.isoformat()}
        started[start(rest, export.name, {"window": ends, **conf}, f"backfill of {part}")] = f"{export.name} {part}"
    return report(rest, started, wait=args.wait)


def _by_airflow(export: Export, by: Step | None) -> bool:
    """Whether Airflow's own backfill knows the slices."""
    return by is None and export.enabled and export.when is not None and export.when.by_the_clock


def _airflow(args: Namespace, rest: Rest, export: Export, whole: Window) -> int:
    """The same as `sluice airflow backfill create --reprocess-behavior completed` for the ticks between the moments."""
    from sluice.airflow.names import dag_id
    from sluice.airflow.runs import between
    from sluice.commands.run import report

    body = {"dag_id": dag_id(export.name), "from_date": whole.after.isoformat(), "to_date": whole.until.isoformat()}
    conf = {"wake_downstream": True} if args.wake_downstream else {}
    rest.post("backfills", {**body, "dag_run_conf": conf, "reprocess_behavior": "completed"})
    made = between(rest, dag_id(export.name), whole.after, whole.until)
    return report(rest, dict.fromkeys(made, export.name), wait=args.wait)


def _whole(after: str, until: str) -> Window:
    from sluice.plan.window import asked_window

    found = asked_window({"from": after, "to": until})
    if found.until > datetime.now(UTC):
        raise DefinitionError(
            f"{found} has not gone by yet: a slice that is published stays as it is",
            next_step="end it now or earlier; what comes later is in the next run's delivery",
        )
    return found


def _slices(export: Export, whole: Window, by: Step | None) -> list[Window]:
    from itertools import islice

    from sluice.plan.slices import between_ticks, slices

    found = between_ticks(export, whole) if _by_airflow(export, by) else slices(whole, by or "day")
    parts = list(islice(found, MOST + 1))
    if not parts or len(parts) > MOST:
        many = f"more than {MOST:,} slices" if parts else "no tick of the schedule"
        advice = "choose longer slices by `--by`, or a shorter time" if parts else "choose a longer time"
        raise DefinitionError(f"{export.name}: {many} between {whole.after} and {whole.until}", next_step=advice)
    return parts
