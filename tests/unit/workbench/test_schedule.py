"""Schedules of Data Workbench, and the times at which the declared ones run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sluice.definition.models.schedule import ScheduleSpec
from sluice.errors import DefinitionError
from sluice.workbench.blocks import EXPORT_FILE
from sluice.workbench.parse import Entry, parse
from sluice.workbench.report import Report
from sluice.workbench.schedule import schedule_of, spelled_schedule
from sluice.workbench.source import Source


def query(every: str = "", start: str = "", end: str = "", oneshot: str = "false") -> Entry:
    lines = [
        "Query = SegmentExportQuery:",
        f"  Oneshot = bool: {oneshot}",
        f"  Schedule End Time = string: {end}",
        f"  Schedule Every = string: {every}",
        f"  Schedule Start Time = string: {start}",
    ]
    return parse(Source("User.export", "\n".join(lines).encode()), EXPORT_FILE).entries["Query"]


def first_runs(spec: dict[str, Any], count: int) -> list[str]:
    """The first times at which the schedule runs."""
    found = ScheduleSpec.model_validate(spec)
    assert found.start is not None
    at, times = found.start - timedelta(seconds=1), []
    while len(times) < count:
        following = found.ticks.after(at)
        assert following is not None
        at = following
        times.append(f"{at:%m-%d %H:%M}")
    return times


@pytest.mark.parametrize(
    ("every", "start", "expected"),
    [
        ("hour", "2013-08-01 12:05 EDT", ["08-01 16:05", "08-01 17:05", "08-01 18:05"]),
        ("day", "2013-08-01 12:01 EDT", ["08-01 16:01", "08-02 16:01", "08-03 16:01"]),
        ("Week", "2013-08-01 23:30 PST", ["08-02 07:30", "08-09 07:30", "08-16 07:30"]),
        ("month", "2013-08-31 12:00 GMT", ["08-31 12:00", "09-30 12:00", "10-31 12:00"]),
        ("day", "2013-10-26 12:00 Europe/Budapest", ["10-26 10:00", "10-27 11:00", "10-28 11:00"]),
    ],
)
def test_schedules_run_when_data_workbench_does(every: str, start: str, expected: list[str]) -> None:
    found = schedule_of(query(every, start), Report())

    assert isinstance(found, dict)
    assert first_runs(found, 3) == expected


def test_an_end_is_the_end() -> None:
    found = schedule_of(query("day", "2013-08-01 12:01 EDT", "2013-08-03 00:00 EDT"), Report())

    assert found == {"every": "day", "start": "2013-08-01 12:01 EDT", "end": "2013-08-03 00:00 EDT"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "once"),
        ({"oneshot": "true"}, "once"),
        ({"oneshot": "true", "every": "day", "start": "2031-08-01 12:00 UTC"}, {"once": "2031-08-01 12:00 UTC"}),
        ({"every": "day"}, {"daily": "00:00"}),
        ({"every": "hour"}, {"every": "1h"}),
    ],
)
def test_what_runs_once_and_what_has_no_start(given: dict[str, str], expected: Any) -> None:
    assert schedule_of(query(**given), Report()) == expected


@pytest.mark.parametrize(
    ("given", "place", "said"),
    [
        ({"every": "dya"}, "4:28", "expected hour, day, week or month"),
        ({"every": "day", "start": "2013-08-01 12:01 EDTT"}, "5:50", "unknown time zone"),
        ({"every": "day", "start": "2013-02-30 12:01 EDT"}, "5:33", "does not exist"),
        ({"every": "day", "start": "2026-03-29 02:30 Europe/Budapest"}, "5:33", "does not exist"),
        ({"every": "day", "start": "tomorrow"}, "5:33", "expected a date"),
        ({"every": "day", "start": "2013-08-02 00:00 UTC", "end": "2013-08-01 00:00 UTC"}, "3:31", "before it starts"),
        ({"every": "day", "start": "9999-12-31 23:59 UTC"}, "5:33", "expected a year"),
    ],
)
def test_times_that_are_none(given: dict[str, str], place: str, said: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        schedule_of(query(**given), Report())

    assert str(raised.value.place) == f"User.export:{place}"
    assert said in raised.value.what


def test_schedules_that_data_workbench_does_not_know_are_reported() -> None:
    notes: list[str] = []
    assert spelled_schedule(ScheduleSpec(cron="0 1 * * 2-4"), notes) == {"Oneshot": "false"}
    assert spelled_schedule("with-refresh", notes) == {"Oneshot": "false"}
    assert len(notes) == 2
