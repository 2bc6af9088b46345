"""Exports are due at the same minute.

All exports are compared, so the rule is asked once about all of them, not about each: otherwise every export would
depend on every other one, and one changed file of a thousand would make all of them be checked again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import FolderGuardrail
from sluice.definition.models.export import ExportBase
from sluice.definition.models.schedule import ScheduleSpec
from sluice.definition.models.zones import zone_of

_YEAR = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(366)]
"""The days that are compared. Zones have their offset of the first one."""
_MINUTES = 24 * 60
_SHOWN = 12
"""The most exports that the advice names."""


def _rule(exports: Mapping[str, ExportBase]) -> Iterator[tuple[str, Problem]]:
    """A problem at the first of the exports that are due at the same minute as another one."""
    alike: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for name, export in exports.items():
        spec = export.schedule
        if export.enabled and isinstance(spec, ScheduleSpec) and spec.by_the_clock and not spec.stagger:
            alike[spec.crons, spec.zone].append(name)
    found = sorted(_together(alike))
    if found:
        named = " ".join(found[:_SHOWN]) + (" ..." if len(found) > _SHOWN else "")
        what = f"{len(found)} exports are due at the same minute as another one, and compete for workers"
        yield found[0], Problem(("schedule",), what, f"spread them: `sluice schedule {named} --stagger 30m`")


def _together(alike: Mapping[tuple[tuple[str, ...], str], list[str]]) -> set[str]:
    """The exports that share a minute with another one. `alike` are the exports with each schedule."""
    found = {name for names in alike.values() if len(names) > 1 for name in names}
    due: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for (crons, zone), names in alike.items():
        for minute, days in _times(crons, zone):
            due[minute].append((days, names[0]))
    for schedules in due.values():
        once = twice = 0
        for days, _ in schedules:
            once, twice = once | days, twice | (once & days)
        found |= {name for days, name in schedules if days & twice} if twice else set()
    return found


@lru_cache(maxsize=4096)
def _times(crons: tuple[str, ...], zone: str) -> tuple[tuple[int, int], ...]:
    """The minutes of the day at which a schedule is due, in UTC, each with its days: bit `n` is day `n` of the year."""
    from croniter import croniter

    offset = round((zone_of(zone).utcoffset(_YEAR[0].replace(tzinfo=None)) or timedelta(0)).total_seconds() / 60)
    found: dict[int, int] = defaultdict(int)
    for cron in crons:
        fields, nth = croniter.expand(cron)
        minutes, hours = (
            range(most) if values == ["*"] else values for most, values in zip((60, 24), fields, strict=False)
        )
        days = _days(*map(tuple, fields[2:]), tuple((day, *weeks) for day, weeks in nth.items()))
        for local in (60 * int(hour) + int(minute) for hour in hours for minute in minutes):
            shift, minute_of_day = divmod(local - offset, _MINUTES)
            found[minute_of_day] |= days << 1 + shift
    return tuple(found.items())


Values = tuple[int | str, ...]


@lru_cache(maxsize=4096)
def _days(of_month: Values, months: Values, of_week: Values, nth: tuple[Values, ...]) -> int:
    """The days on which a cron schedule is due. If both the day of the month and of the week are given, one is enough.
    `nth` says which weeks of a month a day of the week is due in; all others are due in every week."""
    every, weeks = ("*",), {day: set(rest) for day, *rest in nth}
    found = 0
    for number, day in enumerate(_YEAR):
        if months != every and day.month not in months:
            continue
        month = day.day in of_month or ("l" in of_month and _is_last(day, 1))
        week = (weekday := day.isoweekday() % 7) in of_week
        if weekday in weeks:
            week = (day.day + 6) // 7 in weeks[weekday] or ("l" in weeks[weekday] and _is_last(day, 7))
        both = of_month != every and of_week != every
        due = month or week if both else (month or of_month == every) and (week or of_week == every)
        found |= due << number
    return found


def _is_last(day: datetime, days: int) -> bool:
    """Whether so many days later, another month has begun."""
    return (day + timedelta(days=days)).month != day.month


RULE = FolderGuardrail(
    name="same-minute",
    stage="check",
    verdict="inform",
    says="Exports with clock schedules are due at different minutes.",
    source="Customer Insights: avoid scheduling all exports at the same time",
    change="`stagger` in the schedules; `guardrails.same_minute` of the project changes the verdict",
    example='schedule: {daily: "06:00", stagger: 30m}',
    setting="same_minute",
    rule=_rule,
)
