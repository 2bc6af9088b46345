"""When an export runs: Schedule Every, Schedule Start Time, Schedule End Time and Oneshot, in both directions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from sluice.definition.models.moments import FIRST_YEAR, LAST_YEAR
from sluice.definition.models.schedule import UNITS, Schedule, ScheduleSpec
from sluice.definition.models.zones import ABBREVIATIONS, instant, is_zone, zone_of
from sluice.workbench.parse import Entry
from sluice.workbench.report import Report

_FROM_MIDNIGHT: Mapping[str, Mapping[str, Any]] = {
    "hour": {"every": "1h"},
    "day": {"daily": "00:00"},
    "week": {"weekly": ["mon"]},
    "month": {"monthly": 1},
}
"""The schedules without a start."""
_MOMENT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[ T]+(\d{1,2}):(\d{2})(?::00)?(?:\s*(\S+))?")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)


class _Moment(NamedTuple):
    """A time on the clock of a zone."""

    wall: datetime
    zone: str

    @property
    def at(self) -> datetime:
        return instant(self.wall, self.zone)

    def on(self, zone: str) -> str:
        """As declarations have it, on the clock of a zone. A model keeps that of a start only."""
        return _time(self.at, zone)


def schedule_of(query: Entry, report: Report) -> str | dict[str, Any]:
    """The schedule as it is declared. Raises `DefinitionError` for a time or an interval that is none."""
    every, oneshot = query.get("Schedule Every"), query.get("Oneshot")
    start, end = query.get("Schedule Start Time"), query.get("Schedule End Time")
    once = oneshot is not None and oneshot.value.lower() == "true"
    begins, ends = _moment(start), _moment(end)
    unit = every.text.strip().lower() if every else ""
    if every and unit and unit not in UNITS:
        near = get_close_matches(unit, UNITS, 1)
        raise every.error("expected hour, day, week or month", nearest=near[0] if near else None)
    if once or not unit:
        return _once(begins, query, report, oneshot=once)
    report.taken(oneshot, "a schedule that recurs")
    report.taken(every, "schedule: every")
    report.taken(start, "schedule: start")
    report.taken(end, "schedule: end")
    if end and begins and ends and begins.at > ends.at:
        raise end.error("the schedule ends before it starts")
    if begins is None:
        report.changed(every, "schedule: counted from midnight UTC, as there is no start")
    zone = begins.zone if begins else "UTC"
    limits = {key: one.on(zone) for key, one in (("start", begins), ("end", ends)) if one}
    return {**({"every": unit} if begins else _FROM_MIDNIGHT[unit]), **limits}


def _once(begins: _Moment | None, query: Entry, report: Report, *, oneshot: bool) -> str | dict[str, Any]:
    """Data Workbench runs an export when it is saved, and again only if it changes."""
    entry, every = query.get("Oneshot"), query.get("Schedule Every")
    if oneshot:
        report.taken(entry, "schedule: once")
        report.left_out(every, "Oneshot is true, so the export runs only once")
        if every and every.value and begins:
            report.taken(query.get("Schedule Start Time"), "schedule: once: the time of the only run")
            report.left_out(query.get("Schedule End Time"), "Oneshot is true, so the export runs only once")
            return {"once": begins.on("UTC")}
        return "once"
    report.changed(entry, "schedule: once: it does not run again when its declaration changes")
    report.changed(every, "schedule: once: without an interval, it runs when it is declared")
    return "once"


def _moment(entry: Entry | None) -> _Moment | None:
    if entry is None or not entry.text.strip():
        return None
    found = _MOMENT.fullmatch(entry.text.strip())
    if not found:
        raise entry.error("expected a date, a time and a time zone, such as 2013-08-01 12:01 EDT")
    zone = _zone(found[6] or "UTC", entry)
    try:
        moment = _Moment(datetime(*map(int, found.groups()[:5])), zone)  # type: ignore[arg-type]
        known = moment.at.year in range(FIRST_YEAR + 1, LAST_YEAR)
    except (ValueError, OverflowError):
        raise entry.error("this date or this time does not exist") from None
    if not known:
        raise entry.error(f"expected a year between {FIRST_YEAR + 1} and {LAST_YEAR - 1}")
    return moment


def _zone(name: str, entry: Entry) -> str:
    """The zone as declarations name it."""
    if (offset := _OFFSET.fullmatch(name)) and int(offset[2]) <= 14:
        return f"{offset[1]}{int(offset[2]):02d}:{offset[3] or '00'}"
    spelled = "UTC" if name.upper() == "Z" else name.upper() if name.upper() in ABBREVIATIONS else name
    if is_zone(spelled):
        return spelled
    near = get_close_matches(name, ["UTC", *ABBREVIATIONS, *available_timezones()], 1)
    raise entry.error("unknown time zone", at=max(0, entry.value.rfind(name)), nearest=near[0] if near else None)


def spelled_schedule(schedule: Schedule, report: list[str]) -> Mapping[str, str]:
    """The schedule as parameters of a file. Adds to the report what they cannot say."""
    if not isinstance(schedule, ScheduleSpec):
        if schedule != "once":
            report.append(f"schedule: {schedule}: Data Workbench runs the export once, when it is saved")
        return {"Oneshot": "true" if schedule == "once" else "false"}
    if schedule.once:
        return {"Oneshot": "true", "Schedule Every": "hour", "Schedule Start Time": _time(schedule.once, "UTC")}
    unit = _unit(schedule)
    if unit is None:
        report.append("schedule: Data Workbench knows no such interval; the export would run once, when it is saved")
        return {"Oneshot": "false"}
    limits = {"Schedule Start Time": schedule.start, "Schedule End Time": schedule.end}
    times = {key: _time(at, schedule.timezone or "UTC") for key, at in limits.items() if at}
    return {"Oneshot": "false", "Schedule Every": unit, **times}


def _unit(schedule: ScheduleSpec) -> str | None:
    """The interval; None if an import of it would be another schedule."""
    if schedule.after_refresh or schedule.stagger:
        return None
    if schedule.every in UNITS:
        return str(schedule.every)
    own = schedule.model_copy(update={"end": None})
    return next((unit for unit, plain in _FROM_MIDNIGHT.items() if ScheduleSpec.model_validate(plain) == own), None)


def _time(at: datetime, zone: str) -> str:
    return f"{at.astimezone(zone_of(zone)):%Y-%m-%d %H:%M} {zone}"
