"""Whether and when a started run may begin, beyond what Airflow's own dates enforce."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sluice.definition.models.export import ExportBase
from sluice.errors import Skipped
from sluice.model.run import Run

_BY_ITSELF = ("scheduled", "asset_triggered")


def check_period(export: ExportBase, run: Run) -> None:
    """Raise `Skipped` for a run that is due before the schedule's start or after its end.

    Airflow's dates limit only the runs of clock schedules. This check also limits runs that follow a refresh or are
    started manually. A backfill names its dates, so it is not limited."""
    spec = export.when
    if spec is None or run.is_backfill:
        return
    if spec.start and run.time < spec.start:
        what = f"export {export.name} starts at {_spell(spec.start)}, and this run was due at {_spell(run.time)}"
        raise Skipped(what, next_step="nothing, or change `start` in its schedule")
    if spec.end and run.time > spec.end:
        what = f"export {export.name} ended at {_spell(spec.end)}, and this run was due at {_spell(run.time)}"
        raise Skipped(what, next_step="nothing, or change `end` in its schedule to continue")


def is_active(export: ExportBase, now: datetime) -> bool:
    """Whether its schedule will start another run: it is enabled, has not ended, and its `once` is not in the past."""
    spec = export.when
    if not export.enabled or spec is None:
        return False
    return not (spec.once and spec.once < now) and not (spec.end and spec.end < now)


def is_done(export: ExportBase, delivered: datetime | None) -> bool:
    """Whether an export that runs once has done so. `delivered` is the time of its last delivery: any counts, or with
    a time in `once`, any from that time on."""
    if not export.runs_once or delivered is None:
        return False
    return export.when is None or export.when.once is None or delivered >= export.when.once


DAYS = (30, 7, 1)
"""An export says that its schedule ends soon this many days before."""


def before_end(end: datetime, moment: datetime) -> int | None:
    """The smallest of these numbers of days that contains the time from a moment to the end; None if it is longer."""
    return min((days for days in DAYS if end - moment <= timedelta(days=days)), default=None)


def ends(end: datetime, moment: datetime) -> str:
    """When a schedule ends, as seen from a moment before."""
    days = (end - moment).days
    left = f"in {days} {'day' if days == 1 else 'days'}" if days else "within a day"
    return f"ends {left}, at {_spell(end)}"


def ending(export: ExportBase, now: datetime) -> str | None:
    """When the schedule of an export ended, or ends if it does soon; None if it has no end, or is switched off."""
    end = export.when.end if export.enabled and export.when else None
    if end is None:
        return None
    if end < now:
        return f"ended at {_spell(end)}: change `end` in its schedule to continue"
    return ends(end, now) if before_end(end, now) else None


def upcoming(export: ExportBase, now: datetime) -> Iterator[datetime]:
    """The times after `now` at which its clock schedule is due, switched on or not. Without end, if it has none."""
    spec = export.when
    if spec is None or not spec.by_the_clock:
        return
    ticks = replace(spec.ticks, start=spec.start, end=spec.end)
    found = ticks.after(now)
    while found is not None:
        yield found
        found = ticks.after(found)


def begins(export: ExportBase, run: Run) -> datetime:
    """When the run may begin: when it is due, plus an offset within `stagger` if the schedule started it.

    The offset comes from a hash of the export's name: it is the same in every run, and even over many exports."""
    stagger = export.when.stagger if export.when and run.run_type in _BY_ITSELF else timedelta(0)
    seconds = round(stagger.total_seconds())
    share = int.from_bytes(hashlib.sha256(export.name.encode()).digest()[:8], "big") % (seconds + 1)
    return run.time + timedelta(seconds=share)


def fresh_since(export: ExportBase, run: Run) -> datetime | None:
    """The earliest time at which the last system refresh may have finished for the run to continue; None for any."""
    age = export.fresh_since
    return None if age is None else run.time - age


def _spell(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
