"""Schedules in a time zone: what daylight saving time skips runs at the next instant, what it repeats runs once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from pydantic import ValidationError

from sluice.airflow.timetable import ClockTimetable
from sluice.definition.models.schedule import ScheduleSpec
from sluice.definition.models.ticks import Ticks

MINUTE = timedelta(minutes=1)


def instants(cron: str, zone: ZoneInfo, start: datetime, days: int) -> Iterator[datetime]:
    """The schedule's instants, by looking at the zone's clock minute by minute: each time of the schedule comes when
    the clock first shows it, or first shows a later one."""
    walls = croniter(cron, start.astimezone(zone).replace(tzinfo=None))
    wall = walls.get_next(datetime)
    seen = datetime.min
    for minute in range(days * 24 * 60):
        moment = start + minute * MINUTE
        seen = max(seen, moment.astimezone(zone).replace(tzinfo=None, fold=0))
        while wall <= seen:
            yield moment
            wall = walls.get_next(datetime)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Budapest", datetime(2026, 3, 20, tzinfo=UTC)),
        ("Europe/Budapest", datetime(2026, 10, 15, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 10, 25, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 3, 28, tzinfo=UTC)),  # half an hour
        ("Australia/Lord_Howe", datetime(2026, 9, 28, tzinfo=UTC)),
        ("America/Santiago", datetime(2026, 8, 30, tzinfo=UTC)),  # at midnight
        ("Pacific/Apia", datetime(2011, 12, 25, tzinfo=UTC)),  # a whole day was skipped
        ("UTC", datetime(2026, 3, 20, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("cron", ["30 2 * * *", "0 0 * * *", "15 */2 * * *", "*/20 * * * *", "0 3 * * sun"])
def test_times_are_those_of_the_zones_clock(cron: str, zone: str, start: datetime) -> None:
    expected = sorted(set(instants(cron, ZoneInfo(zone), start, 16)))
    ticks, found = Ticks((cron,), zone=zone), [expected[0]]
    while len(found) < len(expected):
        following = ticks.after(found[-1])
        assert following is not None
        found.append(following)
    assert found == expected
    assert [ticks.until(moment) for moment in expected] == expected
    draw = Random(cron)
    for _ in range(50):
        place = draw.randrange(len(expected) - 1)
        between = expected[place] + (expected[place + 1] - expected[place]) * draw.uniform(0.01, 0.99)
        assert (ticks.until(between), ticks.after(between)) == (expected[place], expected[place + 1])


def test_the_skipped_and_the_repeated_hour_of_budapest() -> None:
    daily = ScheduleSpec.model_validate({"daily": "02:30", "timezone": "Europe/Budapest"}).ticks
    assert daily.after(datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 3, 29, 1, tzinfo=UTC), "03:00 local"
    assert daily.after(datetime(2026, 3, 29, 1, tzinfo=UTC)) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert daily.after(datetime(2026, 10, 24, 12, tzinfo=UTC)) == first
    assert daily.after(first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC), "02:30 came again an hour later"
    assert daily.until(datetime(2026, 10, 25, 1, 45, tzinfo=UTC)) == first
    assert daily.until(datetime(2026, 10, 25, 1, 15, tzinfo=UTC)) == first, "02:15 for the second time"


def test_days_are_the_zones_own() -> None:
    monday = ScheduleSpec.model_validate({"weekly": ["mon"], "at": "01:00", "timezone": "Asia/Tokyo"})
    assert monday.ticks.after(datetime(2026, 3, 6, tzinfo=UTC)) == datetime(2026, 3, 8, 16, tzinfo=UTC)
    assert monday.says == "every mon at 01:00 Asia/Tokyo"


def test_airflow_keeps_the_zone() -> None:
    spec = ScheduleSpec.model_validate({"daily": "06:00", "timezone": "Europe/Budapest"})
    kept = ClockTimetable.deserialize(ClockTimetable(spec.crons, spec.says, spec.zone).serialize())
    assert kept.zone == "Europe/Budapest"
    before = {"crons": ["0 6 * * *"], "says": "daily at 06:00 UTC"}
    assert ClockTimetable.deserialize(before).zone == "UTC", "as the version before wrote it"


@pytest.mark.parametrize("zone", ["Europe/Budapst", "../../etc/passwd", "", "+2", "EDTT", "europe", 2])
def test_no_zone(zone: object) -> None:
    with pytest.raises(ValidationError, match="not a time zone: write a name such as"):
        ScheduleSpec.model_validate({"daily": "06:00", "timezone": zone})


@pytest.mark.parametrize("rule", [{"once": "2026-12-01"}, {"after": "system_refresh"}])
def test_only_a_clock_has_a_zone(rule: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="`timezone` is only for clock schedules"):
        ScheduleSpec.model_validate({**rule, "timezone": "Europe/Budapest"})
