"""Overrides: what one dataset of an export does differently."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from sluice.definition.models.schedule import ScheduleSpec
from sluice.model.declared import Declared
from sluice.model.run import Mode

_MOMENT = timedelta(microseconds=1)


def _times_alone(spec: ScheduleSpec) -> ScheduleSpec:
    """A clock schedule without what belongs to the runs of the whole export."""
    if not spec.by_the_clock:
        raise ValueError("this schedule has no times of its own: write every, daily, weekly, monthly or cron")
    if spec.start or spec.end or spec.stagger or spec.after_refresh:
        raise ValueError(
            "this schedule only says when the dataset is due: move start, end, stagger and after_refresh to the export"
        )
    return spec


class Override(Declared):
    """What one dataset of an export does differently."""

    mode: Mode | None = None
    """The mode of the dataset. Default: the export's."""
    schedule: Annotated[ScheduleSpec, AfterValidator(_times_alone)] | None = None
    """The times at which the dataset is due. The export's first scheduled run at or after each of them delivers it, and
    its other scheduled runs leave it out. Runs that are started manually deliver every dataset. Default: every run."""


def is_due(own: ScheduleSpec, export: ScheduleSpec, tick: datetime) -> bool:
    """Whether a scheduled run of the export delivers a dataset with its own schedule: whether the dataset became due
    since the export's tick before."""
    before = export.ticks.until(tick - _MOMENT)
    last = own.ticks.until(tick)
    return last is not None and (before is None or last > before)
