"""Schedules that are counted from their start: `every: hour`, `day`, `week` and `month`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from sluice.airflow.timetable import ClockTimetable
from sluice.definition.models.schedule import Cron, ScheduleSpec
from sluice.definition.models.zones import ABBREVIATIONS, zone_of


def spec(**keys: Any) -> ScheduleSpec:
    return ScheduleSpec.model_validate(keys)


def first(count: int, **keys: Any) -> list[str]:
    """The first times, in UTC."""
    found = spec(**keys)
    ticks, listed = replace(found.ticks, start=found.start, end=found.end), list[str]()
    moment = ticks.first()
    while moment is not None and len(listed) < count:
        listed.append(f"{moment:%y-%m-%d %H:%M}")
        moment = ticks.after(moment)
    return listed


def test_a_week_from_a_start_with_an_abbreviation() -> None:
    found = spec(every="week", start="2013-08-01 12:01 EDT")
    assert found.says == "every week, counted from 2013-08-01 12:01 EDT"
    assert found.crons == ("1 12 * * thu",)
    assert first(3, every="week", start="2013-08-01 12:01 EDT") == [
        "13-08-01 16:01",
        "13-08-08 16:01",
        "13-08-15 16:01",
    ]


def test_the_start_is_the_first_time_and_the_end_may_be_the_last() -> None:
    keys = {"every": "day", "start": "2026-03-09 06:30", "end": "2026-03-11 02:30 EDT"}
    assert first(9, **keys) == ["26-03-09 06:30", "26-03-10 06:30", "26-03-11 06:30"]
    assert first(9, **keys | {"end": "2026-03-11 02:29 EDT"}) == ["26-03-09 06:30", "26-03-10 06:30"]
    assert first(9, **keys | {"end": "2026-03-09 06:30"}) == ["26-03-09 06:30"]


def test_a_name_follows_daylight_saving_time_and_an_abbreviation_does_not() -> None:
    """Clocks in New York went back on 3 November 2013."""
    named = first(3, every="week", start="2013-10-24 12:01 America/New_York")
    assert named == ["13-10-24 16:01", "13-10-31 16:01", "13-11-07 17:01"]
    for zone in ("EDT", "-04:00"):
        fixed = first(3, every="week", start=f"2013-10-24 12:01 {zone}")
        assert fixed == ["13-10-24 16:01", "13-10-31 16:01", "13-11-07 16:01"]
    assert first(3, every="week", start="2013-10-24T12:01-04:00") == fixed


def test_a_time_that_is_skipped_comes_later_and_one_that_is_repeated_comes_once() -> None:
    spring = first(3, every="day", start="2026-03-07 02:30 America/New_York")
    assert spring == ["26-03-07 07:30", "26-03-08 07:00", "26-03-09 06:30"], "02:30, then 03:00, then 02:30"
    autumn = first(3, every="day", start="2026-10-31 01:30 America/New_York")
    assert autumn == ["26-10-31 05:30", "26-11-01 05:30", "26-11-02 06:30"]


def test_hours_are_counted_in_hours_that_pass() -> None:
    """Not on a clock, which shows an hour twice in autumn."""
    found = first(5, every="hour", start="2026-10-25 00:10 Europe/Budapest")
    assert found == [f"26-10-{day} {hour}:10" for day, hour in ((24, 22), (24, 23), (25, "00"), (25, "01"), (25, "02"))]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-01-28", ["01-28", "02-28", "03-28", "04-28"]),
        ("2026-01-29", ["01-29", "02-28", "03-29", "04-29"]),
        ("2028-01-30", ["01-30", "02-29", "03-30", "04-30"]),
        ("2026-01-31", ["01-31", "02-28", "03-31", "04-30"]),
        ("2026-04-30", ["04-30", "05-30", "06-30", "07-30"]),
    ],
)
def test_a_month_without_the_day_has_its_last(start: str, expected: list[str]) -> None:
    assert [found[3:8] for found in first(4, every="month", start=start)] == expected


def test_the_day_of_the_month_is_that_of_the_starts_clock() -> None:
    """22:00 on the last of August in New York is the first of September in UTC."""
    keys = {"every": "month", "start": "2013-08-31 22:00 EDT"}
    assert first(3, **keys) == ["13-09-01 02:00", "13-10-01 02:00", "13-11-01 02:00"]
    assert first(7, **keys)[-1] == "14-03-01 02:00", "the last of February"
    assert first(2, **keys | {"timezone": "UTC"}) == ["13-09-01 02:00", "13-10-01 02:00"]
    assert spec(**keys | {"timezone": "UTC"}).crons == ("0 2 1 * *",)


def test_a_start_in_the_second_pass_of_a_repeated_hour() -> None:
    """A time that is repeated runs at its first occurrence, so the first run is a day later."""
    keys = {"every": "day", "start": "2026-11-01T06:30", "timezone": "America/New_York"}
    assert first(2, **keys) == ["26-11-02 06:30", "26-11-03 06:30"]


@pytest.mark.parametrize("zone", [*ABBREVIATIONS, "+05:30", "-09:30", "UTC", "Europe/Budapest"])
def test_every_zone_reaches_airflow_and_back(zone: str) -> None:
    found = spec(every="day", start=f"2026-06-01 06:30 {zone}")
    assert found.start == datetime(2026, 6, 1, 6, 30, tzinfo=zone_of(zone))
    assert ScheduleSpec.model_validate_json(found.model_dump_json()) == found
    timetable = ClockTimetable(found.crons, found.says, found.zone)
    again = ClockTimetable.deserialize(timetable.serialize())
    assert (again.crons, again.zone) == (found.crons, found.zone)
    ticks = replace(found.ticks, start=found.start)
    assert ticks.first() == found.start
    assert found.start is not None
    assert ticks.after(found.start) == found.start + timedelta(days=1)


def test_dates_in_a_zone_are_whole_days_there() -> None:
    found = spec(daily="06:00", start="2026-06-01 EDT", end="2026-06-30 EDT")
    assert found.start == datetime(2026, 6, 1, 4, tzinfo=UTC)
    assert found.end == datetime(2026, 7, 1, 3, 59, 59, 999999, tzinfo=UTC)
    assert found.zone == "UTC", "only what is counted from the start takes its zone"


def test_airflows_own_timetable_takes_names_only() -> None:
    with pytest.raises(ValidationError, match="not a time zone"):
        Cron(cron="0 6 * * *", timezone="EDT")
