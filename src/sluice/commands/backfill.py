"""`sluice backfill`: deliver slices of time again, for exports that know when their rows were added."""

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
"""The most slices of one backfill; each is a run."""


def backfill(args: Namespace) -> int:
    """Deliver again what was added between two times, in slices. A clock schedule defines its own slices, which Airflow
    creates; `--by` sets others. The same slices always give the same files."""
    from sluice.definition.load import load_export
    from sluice.plan.build import build

    project, export = load_export(args.include, args.export)
    whole = _whole(args.after, args.until)
    parts = _slices(export, whole, args.by)
    plans = [build(project, export, Run(export=export.name, run_id="", export_time=p.until, window=p)) for p in parts]
    for plan in plans:
        print(f"{plan.run.window}  {plan.manifest}")
    runs = "created by Airflow" if _by_airflow(export, args.by) else "one run each"
    print(f"{export.name}: {len(parts)} slices, {runs}")
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
    """Whether Airflow's own backfill creates the slices."""
    return by is None and export.enabled and export.when is not None and export.when.by_the_clock


def _airflow(args: Namespace, rest: Rest, export: Export, whole: Window) -> int:
    """Do what `sluice airflow backfill create --reprocess-behavior completed` does for the times of the schedule."""
    from sluice.airflow.names import dag_id
    from sluice.airflow.runs import between
    from sluice.commands.run import report

    body = {"dag_id": dag_id(export.name), "from_date": whole.after.isoformat(), "to_date": whole.until.isoformat()}
    conf = {"wake_downstream": True} if args.wake_downstream else {}
    rest.post("backfills", {**body, "dag_run_conf": conf, "reprocess_behavior": "completed"})
    made = between(rest, dag_id(export.name), whole.after, whole.until)
    return report(rest, dict.fromkeys(made, export.name), wait=args.wait)


def _whole(after: str, until: str) -> Window:
    from sluice.plan.window import requested_window

    found = requested_window({"from": after, "to": until})
    if found.until > datetime.now(UTC):
        raise DefinitionError(
            f"{found} ends in the future: rows that are added after the run would be missing from its slice",
            next_step="choose an end that has passed; the next run delivers what is added later",
        )
    return found


def _slices(export: Export, whole: Window, by: Step | None) -> list[Window]:
    from itertools import islice

    from sluice.plan.slices import between_ticks, slices

    found = between_ticks(export, whole) if _by_airflow(export, by) else slices(whole, by or "day")
    parts = list(islice(found, MOST + 1))
    if not parts or len(parts) > MOST:
        many = f"more than {MOST:,} slices" if parts else "no scheduled time"
        advice = "choose longer slices with `--by`, or a shorter range" if parts else "choose a longer range"
        raise DefinitionError(f"{export.name}: {many} between {whole.after} and {whole.until}", next_step=advice)
    return parts
