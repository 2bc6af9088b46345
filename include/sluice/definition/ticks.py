"""The times of a schedule by the clock: pure arithmetic in UTC, shared by Airflow's timetable and by whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

GRACE = timedelta(minutes=2)
"""A time that has just gone by is still due: Airflow may read the declarations again before it starts the run."""
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Ticks:
    """The times that any of these cron schedules gives, between `start` and `end`, both included."""

    crons: Sequence[str]
    start: datetime | None = None
    end: datetime | None = None

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than `moment`."""
        if self.start and moment < self.start:
            moment = self.start - _MOMENT
        found = min(_step(cron, moment, "get_next") for cron in self.crons)
        return None if self.end and found > self.end else found

    def first(self) -> datetime | None:
        """The first time of all; None where there is no start."""
        return self.after(self.start - _MOMENT) if self.start else None

    def until(self, moment: datetime) -> datetime | None:
        """The last time that is not later than `moment`."""
        if self.end and moment > self.end:
            moment = self.end
        found = max(_step(cron, moment + _MOMENT, "get_prev") for cron in self.crons)
        return None if self.start and found < self.start else found

    def due(self, last: datetime | None, now: datetime, *, asked: bool = False) -> datetime | None:
        """The next time to run, when the last run was due at `last`; `asked` if someone asked for that one, by its
        date: a backfill does not show that the schedule was on.

        A time that has gone by is made up for when it is the only one since the schedule's last run (Airflow was down,
        or the run before took long). After more than one, or before the first run, the schedule goes on at its next
        time: an export that was off for days, or that is new and has a start in the past, does not begin when it is
        switched on.
        """
        missed = self.until(now)
        if missed is None or (last and missed <= last):
            return self.after(max(last, now) if last else now)
        one_missed = last is not None and not asked and self.after(last) == missed
        return missed if one_missed or now - missed <= GRACE else self.after(now)


def _step(cron: str, moment: datetime, direction: str) -> datetime:
    from croniter import croniter

    found: datetime = getattr(croniter(cron, moment.astimezone(UTC)), direction)(datetime)
    return found
