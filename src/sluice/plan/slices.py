"""Slices of time: a backfill delivers one slice per run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from sluice.definition.models.export import Export
from sluice.definition.models.ticks import Ticks
from sluice.model.run import Window

Step = Literal["hour", "day", "week", "month"]
_MOMENT = timedelta(microseconds=1)
STEPS: tuple[Step, ...] = get_args(Step)


def slices(window: Window, step: Step) -> Iterator[Window]:
    """Cut the window at the start of each hour, day, week (Monday) or month in UTC. Its ends stay unchanged."""
    after = window.after.astimezone(UTC)
    while after < window.until:
        until = min(_next(after, step), window.until.astimezone(UTC))
        yield Window(after=after, until=until)
        after = until


def _next(moment: datetime, step: Step) -> datetime:
    """The first start of an hour, day, week or month after the moment."""
    if step == "hour":
        return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if step == "day":
        return midnight + timedelta(days=1)
    if step == "week":
        return midnight + timedelta(days=7 - midnight.weekday())
    return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)


def between_ticks(export: Export, window: Window) -> Iterator[Window]:
    """Cut the window by the ticks of the export's clock schedule: for each tick in the window, both ends included, the
    slice since the previous tick."""
    ticks = export.when.ticks if export.when else Ticks(())
    tick = ticks.after(window.after - _MOMENT)
    while tick is not None and tick <= window.until:
        before = ticks.until(tick - _MOMENT)
        if before is not None:
            yield Window(after=before, until=tick)
        tick = ticks.after(tick)
