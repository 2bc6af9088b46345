"""Schedules: when exports run."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from sluice.definition.models.ticks import Ticks
from sluice.model.declared import Declared, Duration, Name

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

SYSTEM_REFRESH = "system_refresh"
"""The name of the refresh that Sluice provides. It exists even if no file declares it."""
HOURS = (1, 2, 3, 4, 6, 8, 12)
"""The allowed hours of `every`: they divide a day. Any other interval would drift."""
FIRST_YEAR, LAST_YEAR = 1971, 2199
"""The range of years for `start`, `end` and `once`. Outside it, clocks, time zones and cron stop working at different
years."""
LONGEST_CRON = 200
"""The maximum length of a cron schedule. Airflow stores a description of it, which is longer, in 1,000 characters."""
RULES = ("after", "cron", "daily", "every", "monthly", "once", "weekly")


def _moment(value: Any, *, whole_day: bool = False) -> Any:
    """Read `2026-12-01` or `2026-12-01T06:30`, with or without a UTC offset. Default: UTC."""
    if isinstance(value, datetime):
        return value
    text = value.strip() if isinstance(value, str) else ""
    try:
        if len(text) == len("2026-12-01"):
            found = datetime.combine(date.fromisoformat(text), time.max if whole_day else time.min, UTC)
        else:
            found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("not a date: write one such as 2026-12-01 or 2026-12-01T06:30, in UTC") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"outside the years {FIRST_YEAR} to {LAST_YEAR}: correct the year")
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _last_moment(value: Any) -> Any:
    return _moment(value, whole_day=True)


_IN_FILES = (
    PlainSerializer(lambda value: value.isoformat(), when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["2026-12-01", "2026-12-01T06:30"]}),
)
Start = Annotated[datetime, BeforeValidator(_moment), *_IN_FILES]
"""A timestamp, or a date, which means its first moment; in UTC."""
End = Annotated[datetime, BeforeValidator(_last_moment), *_IN_FILES]
"""A timestamp, or a date, which means its last moment; in UTC."""


def _clock(value: Any) -> Any:
    try:
        if not isinstance(value, str) or len(value) != len("06:30"):
            raise ValueError
        time.fromisoformat(value)
    except ValueError:
        raise ValueError("not a time of day: write hours and minutes, such as 06:30") from None
    return value


Clock = Annotated[str, BeforeValidator(_clock), WithJsonSchema({"type": "string", "examples": ["06:30"]})]
"""Hours and minutes."""


def _zone(value: Any) -> Any:
    """Check the name. Raises `ValueError` if neither the machine's time zone database nor Python's `tzdata` has it."""
    try:
        if not isinstance(value, str):
            raise ValueError
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        near = get_close_matches(str(value), available_timezones(), 1)
        raise ValueError(f"not a time zone: write a name such as {near[0] if near else 'Europe/Budapest'}") from None
    return value


Zone = Annotated[str, BeforeValidator(_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Budapest"]})]
"""A name in the IANA time zone database."""


def _whole_hours(value: timedelta) -> timedelta:
    if value not in [timedelta(hours=hours) for hours in HOURS]:
        raise ValueError("does not divide a day: write 1, 2, 3, 4, 6, 8 or 12 hours")
    return value


class Cron(Declared):
    """A cron schedule."""

    cron: str
    """A cron expression of five fields."""
    timezone: Zone = "UTC"
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

    every: Duration | None = None
    """1, 2, 3, 4, 6, 8 or 12 hours, counted from `at`."""
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
    """The time zone of a clock schedule, such as `Europe/Budapest`. Default: UTC. A time that daylight saving time
    skips runs at the next valid time; a time that it repeats runs once."""
    start: Start | None = None
    """No run starts before this time. A date means its first moment, in UTC."""
    end: End | None = None
    """No run starts after this time. A date means its last moment, in UTC."""
    after_refresh: bool = False
    """For clock schedules: whether a run waits for a system refresh that finishes at or after the time the run was
    due."""
    stagger: Duration = timedelta(0)
    """Spread the starts of exports that are due at the same time over this span. Each export's offset is fixed and
    comes from its name."""

    @field_validator("every")
    @classmethod
    def _divides_a_day(cls, value: timedelta | None) -> timedelta | None:
        return value if value is None else _whole_hours(value)

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
        if self.after_refresh and not self.by_the_clock:
            raise ValueError(f"`after_refresh` is only for clock schedules, not for {given[0]}: delete it")
        if self.timezone and not self.by_the_clock:
            raise ValueError(f"`timezone` is only for clock schedules, not for {given[0]}: delete it")
        if self.once and (self.start or self.end):
            raise ValueError("`once` already sets the time: delete `start` and `end`")
        if self.start and self.end and self.start > self.end:
            raise ValueError("the schedule ends before it starts: correct `start` or `end`")
        return self

    @property
    def by_the_clock(self) -> bool:
        """Whether it is a clock schedule: one that recurs at times that can be computed."""
        return self.after is None and self.once is None

    @property
    def zone(self) -> str:
        """The time zone of its times."""
        return self.timezone or "UTC"

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
        if self.every:
            step = round(self.every / timedelta(hours=1))
            hours = sorted((clock.hour + step * n) % 24 for n in range(24 // step))
            return (f"{clock.minute} {','.join(map(str, hours))} * * *",)
        if self.daily:
            return (f"{when} * * *",)
        if self.weekly:
            return (f"{when} * * {','.join(self.weekly)}",)
        return _monthly(when, self.monthly) if self.monthly else ()

    @property
    def says(self) -> str:
        """The schedule in words, without its start and end."""
        at = f"at {self._clock} {self.zone}"
        if self.every:
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
