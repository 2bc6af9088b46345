"""The times of a clock schedule: pure arithmetic, used by Airflow's timetable and by the commands.

Cron schedules are read in a time zone. A time that daylight saving time skips runs at the next valid time. A time that
it repeats runs once, at its first occurrence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from sluice.definition.models.zones import zone_of

GRACE = timedelta(minutes=2)
"""A time stays due for this long after it has passed: Airflow may read the declarations again before it starts the
run."""
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Ticks:
    """The times of all these cron schedules in a time zone, from `start` to `end`, both included."""

    crons: Sequence[str]
    start: datetime | None = None
    end: datetime | None = None
    zone: str = "UTC"
    """A name in the IANA time zone database, an abbreviation, or an offset."""

    def after(self, moment: datetime) -> datetime | None:
        """The first time after `moment`; None if it is past `end`."""
        if self.start and moment < self.start:
            moment = self.start - _MOMENT
        found = min(self._next(cron, moment) for cron in self.crons)
        return None if self.end and found > self.end else found

    def first(self) -> datetime | None:
        """The first time; None if there is no start."""
        return self.after(self.start - _MOMENT) if self.start else None

    def until(self, moment: datetime) -> datetime | None:
        """The last time that is not after `moment`; None if it is before `start`."""
        if self.end and moment > self.end:
            moment = self.end
        found = max(self._last(cron, moment) for cron in self.crons)
        return None if self.start and found < self.start else found

    def due(self, last: datetime | None, now: datetime, *, asked: bool = False) -> datetime | None:
        """The next time to run. The last run was due at `last`. `asked` says that someone requested that run for its
        date, as a backfill does; such a run does not show that the schedule was active.

        A missed time is caught up if it is the only one since the schedule's last run (Airflow was down, or the
        previous run took long). After more than one missed time, or before the first run, the schedule continues at its
        next time. So an export that was off for days, or that is new and starts in the past, does not run as soon as it
        is switched on.
        """
        missed = self.until(now)
        if missed is None or (last and missed <= last):
            return self.after(max(last, now) if last else now)
        one_missed = last is not None and not asked and self.after(last) == missed
        return missed if one_missed or now - missed <= GRACE else self.after(now)

    def _next(self, cron: str, moment: datetime) -> datetime:
        """The cron schedule's first time after `moment`."""
        wall = moment.astimezone(self._zone).replace(tzinfo=UTC, fold=0)
        while (found := self._instant(wall := _step(cron, wall, "get_next"))) <= moment:
            pass  # the time lies in a repeated hour, and has run at its first occurrence
        return found

    def _last(self, cron: str, moment: datetime) -> datetime:
        """The cron schedule's last time that is not after `moment`."""
        local = moment.astimezone(self._zone)
        # In the second pass of a repeated hour, the clock has already shown later times: search back from the latest.
        repeated = self._offset(local.replace(fold=0)) - self._offset(local) if local.fold else timedelta(0)
        wall = local.replace(tzinfo=UTC, fold=0) + max(repeated, timedelta(0)) + _MOMENT
        while (found := self._instant(wall := _step(cron, wall, "get_prev"))) > moment:
            pass
        return found

    def _instant(self, wall: datetime) -> datetime:
        """The first instant at which the zone's clock shows this time; if it skips the time, the end of the gap."""
        local = wall.replace(tzinfo=self._zone, fold=0)
        found = local.astimezone(UTC)
        if found.astimezone(self._zone).replace(tzinfo=None) == local.replace(tzinfo=None):
            return found
        # The clock jumps by the difference of the two offsets, at this instant.
        jump = self._offset(local.replace(fold=1)) - self._offset(local)
        return self._end_of_gap(found - jump, found)

    def _end_of_gap(self, before: datetime, after: datetime) -> datetime:
        """The instant between two at which the zone's offset changes."""
        offset = self._offset(before.astimezone(self._zone))
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) / 2
            if self._offset(middle.astimezone(self._zone)) == offset:
                before = middle
            else:
                after = middle
        return after.replace(microsecond=0)

    @property
    def _zone(self) -> tzinfo:
        return zone_of(self.zone)

    def _offset(self, local: datetime) -> timedelta:
        return local.utcoffset() or timedelta(0)


def _step(cron: str, wall: datetime, direction: str) -> datetime:
    """The next or the previous time of a cron schedule, on a clock without daylight saving time."""
    from croniter import croniter

    found: datetime = getattr(croniter(cron, wall), direction)(datetime)
    return found
