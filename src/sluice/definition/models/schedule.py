"""Schedules: when exports run."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from sluice.definition.models.moments import Clock, End, Start, named_zone_in
from sluice.definition.models.ticks import Ticks
from sluice.definition.models.zones import NamedZone, Zone, is_zone, zone_of
from sluice.model.declared import Declared, Duration, Name, read_duration, spell_duration

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

SYSTEM_REFRESH = "system_refresh"
"""The name of the refresh that Sluice provides. It exists even if no file declares it."""
HOURS = (1, 2, 3, 4, 6, 8, 12)
"""The allowed hours of `every`: they divide a day. Any other interval would drift."""
LONGEST_CRON = 200
"""The maximum length of a cron schedule. Airflow stores a description of it, which is longer, in 1,000 characters."""
RULES = ("after", "cron", "daily", "every", "monthly", "once", "weekly")


Unit = Literal["hour", "day", "week", "month"]
UNITS: tuple[Unit, ...] = get_args(Unit)
"""The units of `every` that are counted from `start`."""
_INTERVALS = "1, 2, 3, 4, 6, 8 or 12 hours, or hour, day, week or month"


def _interval(value: Any) -> Any:
    """Read a unit, or a number of hours that divides a day."""
    if value in UNITS:
        return value
    try:
        found = read_duration(value)
    except ValueError:
        raise ValueError(f"not an interval: write {_INTERVALS}") from None
    if found not in [timedelta(hours=hours) for hours in HOURS]:
        raise ValueError(f"does not divide a day: write {_INTERVALS}")
    return found


Interval = Annotated[
    timedelta | Unit,
    BeforeValidator(_interval),
    PlainSerializer(lambda value: value if value in UNITS else spell_duration(value), when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["6 hours", "week"]}),
]
"""The interval of a schedule: a number of hours, or a unit."""


class Cron(Declared):
    """A cron schedule."""

    cron: str
    """A cron expression of five fields."""
    timezone: NamedZone = "UTC"
    """The time zone of the fields, such as `Europe/Budapest`."""

    @field_validator("cron")
    @classmethod
    def _can_come(cls, value: str) -> str:
        return can_come(value)


def can_come(cron: str) -> str:
    """Return the cron schedule. Raises `ValueError` if it is not valid, or if its date never occurs."""
    from croniter import CroniterError, croniter

    wrong = "not a cron schedule: write minute, hour, day, month and weekday, such as 30 6 * * mon-fri"
    if len(cron) > LONGEST_CRON:
        raise ValueError(f"longer than {LONGEST_CRON} characters: write ranges and steps, such as 0-30/5")
    if len(cron.split()) != 5 or not croniter.is_valid(cron):
        raise ValueError(wrong)
    try:
        croniter(cron).get_next()
    except CroniterError:
        raise ValueError("this date never occurs: correct the day or the month") from None
    return cron


class ScheduleSpec(Declared):
    """A schedule as a mapping: exactly one of `every`, `daily`, `weekly`, `monthly`, `cron`, `once` and `after`."""

    every: Interval | None = None
    """1, 2, 3, 4, 6, 8 or 12 hours, counted from `at`; or `hour`, `day`, `week` or `month`, counted from `start`."""
    daily: Clock | None = None
    """The time of day, in `timezone`."""
    weekly: tuple[Weekday, ...] | None = Field(default=None, min_length=1)
    """The days: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`."""
    monthly: int | None = Field(default=None, ge=1, le=31)
    """The day of the month, or the month's last day if it has fewer days."""
    cron: str | None = None
    """A cron expression of five fields, in `timezone`."""
    once: Start | None = None
    """The date or time of a single run."""
    after: Name | None = None
    """The export whose deliveries trigger this export, or `system_refresh`, which is `with-refresh` with a start and an
    end."""
    at: Clock | None = None
    """The time of day for `every`, `weekly` and `monthly`, in `timezone`. Default: midnight."""
    timezone: Zone | None = None
    """The time zone of a clock schedule, such as `Europe/Budapest`. Default: UTC, or that of a `start` that `every` is
    counted from. A time that daylight saving time skips runs at the next valid time; a time that it repeats runs once.
    An abbreviation such as `EDT` and an offset such as `-04:00` are the same in summer and winter."""
    start: Start | None = None
    """No run starts before this time, in UTC unless it names a time zone: `2026-12-01 06:30 EDT`. A date means its
    first moment."""
    end: End | None = None
    """No run starts after this time, in UTC unless it names a time zone. A date means its last moment."""
    after_refresh: bool = False
    """For clock schedules: whether a run waits for a system refresh that finishes at or after the time the run was
    due."""
    stagger: Duration = timedelta(0)
    """Spread the starts of exports that are due at the same time over this span. Each export's offset is fixed and
    comes from its name."""

    @model_validator(mode="before")
    @classmethod
    def _zone_of_the_start(cls, data: Any) -> Any:
        """What is counted from a start is counted on the clock that the start is written in."""
        if not isinstance(data, dict) or data.get("every") not in UNITS or data.get("timezone"):
            return data
        start = data.get("start")
        zone = named_zone_in(start) if isinstance(start, str) else None
        return data | {"timezone": zone} if zone and is_zone(zone) else data

    @field_validator("cron")
    @classmethod
    def _can_come(cls, value: str | None) -> str | None:
        return value if value is None else can_come(value)

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        given = [f"`{key}`" for key in RULES if getattr(self, key) is not None]
        if len(given) != 1:
            has, advice = (" and ".join(given), "keep one") if given else ("none", "add one")
            raise ValueError(f"a schedule needs exactly one of {', '.join(RULES)}; this one has {has}: {advice}")
        if self.at and not (self.every or self.weekly or self.monthly):
            raise ValueError(f"`at` is only for `every`, `weekly` and `monthly`, not for {given[0]}: delete `at`")
        if self.every in UNITS:
            self._check_anchor()
        if self.after_refresh and not self.by_the_clock:
            raise ValueError(f"`after_refresh` is only for clock schedules, not for {given[0]}: delete it")
        if self.timezone and not self.by_the_clock:
            raise ValueError(f"`timezone` is only for clock schedules, not for {given[0]}: delete it")
        if self.once and (self.start or self.end):
            raise ValueError("`once` already sets the time: delete `start` and `end`")
        if self.start and self.end and self.start > self.end:
            raise ValueError("the schedule ends before it starts: correct `start` or `end`")
        return self

    def _check_anchor(self) -> None:
        if not self.start:
            raise ValueError(f"the interval `{self.every}` is counted from `start`: add one such as 2026-12-01T06:30")
        if self.at:
            raise ValueError(f"the interval `{self.every}` has its time of day from `start`: delete `at`")
        if self.start.second or self.start.microsecond:
            raise ValueError("runs start at whole minutes: write the hours and minutes of `start` only")

    @property
    def by_the_clock(self) -> bool:
        """Whether it is a clock schedule: one that recurs at times that can be computed."""
        return self.after is None and self.once is None

    @property
    def zone(self) -> str:
        """The time zone of its times. Hours that are counted from a start do not depend on any."""
        return "UTC" if self.every == "hour" else self.timezone or "UTC"

    @property
    def ticks(self) -> Ticks:
        """The times of a clock schedule, without its start and end."""
        return Ticks(self.crons, zone=self.zone)

    @property
    def _clock(self) -> str:
        return self.daily or self.at or "00:00"

    @property
    def crons(self) -> tuple[str, ...]:
        """The cron schedules that together give its times; empty if it is not a clock schedule."""
        clock = time.fromisoformat(self._clock)
        when = f"{clock.minute} {clock.hour}"
        if self.cron:
            return (self.cron,)
        if self.every in UNITS:
            return self._from_start
        if isinstance(self.every, timedelta):
            step = round(self.every / timedelta(hours=1))
            hours = sorted((clock.hour + step * n) % 24 for n in range(24 // step))
            return (f"{clock.minute} {','.join(map(str, hours))} * * *",)
        if self.daily:
            return (f"{when} * * *",)
        if self.weekly:
            return (f"{when} * * {','.join(self.weekly)}",)
        return _monthly(when, self.monthly) if self.monthly else ()

    @property
    def _anchor(self) -> datetime:
        """The start that `every` is counted from, on the clock that it is counted on."""
        assert self.start is not None  # noqa: S101 - it is checked
        return self.start.astimezone(zone_of(self.zone))

    @property
    def _from_start(self) -> tuple[str, ...]:
        anchor = self._anchor
        when = f"{anchor.minute} {anchor.hour}"
        if self.every == "hour":
            return (f"{anchor.minute} * * * *",)
        if self.every == "week":
            return (f"{when} * * {WEEKDAYS[anchor.weekday()]}",)
        return _monthly(when, anchor.day) if self.every == "month" else (f"{when} * * *",)

    @property
    def says(self) -> str:
        """The schedule in words, without its start and end."""
        at = f"at {self._clock} {self.zone}"
        if self.every in UNITS:
            return f"every {self.every}, counted from {self._anchor:%Y-%m-%d %H:%M} {self.zone}"
        if isinstance(self.every, timedelta):
            hours = round(self.every / timedelta(hours=1))
            return f"every {f'{hours} hours' if hours > 1 else 'hour'}, counted from {self._clock} {self.zone}"
        if self.weekly:
            return f"every {', '.join(self.weekly)} {at}"
        if self.monthly:
            return f"on day {self.monthly} of every month {at}"
        if self.once:
            return f"once, {self.once:%Y-%m-%d %H:%M} UTC"
        return (
            f"daily {at}" if self.daily else f"after {self.after}" if self.after else f"cron {self.cron} in {self.zone}"
        )


def _monthly(when: str, day: int) -> tuple[str, ...]:
    """If a month does not have the day, its last day counts: `L` in cron."""
    if day == 31:
        return (f"{when} L * *",)
    return (f"{when} {day} * *", f"{when} L 2 *") if day > 28 else (f"{when} {day} * *",)


Schedule = Literal["with-refresh", "off", "once"] | ScheduleSpec
"""`with-refresh` (the default): after every system refresh. `off`: only when triggered manually. `once`: one run, as
soon as the export is declared."""


def in_full(schedule: Schedule) -> ScheduleSpec | None:
    """The schedule as a mapping; None for `off`, and for `once` without a time."""
    if schedule == "with-refresh":
        return ScheduleSpec(after=SYSTEM_REFRESH)
    return schedule if isinstance(schedule, ScheduleSpec) else None
