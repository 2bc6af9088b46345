"""Declared schedules in Airflow's terms."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, CronTriggerTimetable

from sluice.airflow.record import SYSTEM_REFRESH
from sluice.airflow.timetable import ClockTimetable
from sluice.definition.models.export import ExportBase
from sluice.definition.models.schedule import Cron, ScheduleSpec


def export_asset(name: str) -> Asset:
    """Updated by each delivery of an export."""
    return Asset(f"export/{name}")


def dag_schedule(export: ExportBase) -> dict[str, Any]:
    """The arguments of its DAG that define when it runs."""
    spec = export.when
    if not export.enabled or export.schedule == "off":
        return {"schedule": None}
    if spec is None:
        return {"schedule": "@once"}
    if spec.once:
        return {"schedule": "@once", "start_date": spec.once}
    if spec.after:
        # Airflow ignores start and end dates for runs that follow an asset: the first task checks them.
        return {"schedule": SYSTEM_REFRESH if spec.after == SYSTEM_REFRESH.name else export_asset(spec.after)}
    timetable = ClockTimetable(spec.crons, spec.says, spec.zone)
    return {"schedule": timetable, "start_date": spec.start, "end_date": spec.end}


def in_words(export: ExportBase) -> str:
    """The schedule in words, for the DAG's page."""
    spec = export.when
    said = spec.says if spec else "once, as soon as Airflow sees it" if export.schedule == "once" else "off"
    said = f"Runs: {said}" if said != "off" else "Runs only when someone starts it"
    said += "".join(_limits(spec)) if spec else ""
    said += (
        ". Once it has delivered, it is done: a run by hand delivers only with *Deliver again*"
        if export.runs_once
        else ""
    )
    return f"{said}. Switched off: `enabled: false`" if not export.enabled else said


def _limits(spec: ScheduleSpec) -> list[str]:
    limits = [f", from {spec.start:%Y-%m-%d %H:%M} UTC" if spec.start else ""]
    limits += [f", until {spec.end:%Y-%m-%d %H:%M} UTC: later runs are skipped" if spec.end else ""]
    return limits


def refresh_schedule(declared: Cron | str) -> CronTriggerTimetable | None:
    """The schedule of the system refresh; None if it has none."""
    return CronTriggerTimetable(declared.cron, timezone=declared.timezone) if isinstance(declared, Cron) else None
