"""The times of a schedule: anchored, without drift, in UTC; what a start, an end and a missed time mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from sluice.definition.models.export import DatasetExport
from sluice.definition.models.schedule import HOURS, ScheduleSpec, in_full
from sluice.definition.models.ticks import GRACE, Ticks

NOW = datetime(2026, 3, 9, 13, 20, tzinfo=UTC)


def spec(**keys: Any) -> ScheduleSpec:
    return ScheduleSpec.model_validate(keys)


def ticks(**keys: Any) -> Ticks:
    declared = spec(**keys)
    return Ticks(declared.crons, declared.start, declared.end)


def times(found: Ticks, start: datetime, count: int) -> list[str]:
    listed, moment = [], start
    while len(listed) < count and (following := found.after(moment)):
        moment = following
        listed.append(f"{following:%m-%d %H:%M}")
    return listed


@pytest.mark.slow
@pytest.mark.parametrize("hours", HOURS)
def test_every_few_hours_keeps_its_anchor_for_a_year(hours: int) -> None:
    found = ticks(every=f"{hours} hours", at="00:30")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    while moment.year < 2027:
        following = found.after(moment)
        assert following is not None
        since_anchor = following - datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
        assert since_anchor % timedelta(hours=hours) == timedelta(0)
        assert following - moment <= timedelta(hours=hours)
        moment = following


def test_an_anchor_late_in_the_day_counts_backwards_too() -> None:
    found = times(ticks(every="8 hours", at="17:05"), NOW, 4)
    assert found == ["03-09 17:05", "03-10 01:05", "03-10 09:05", "03-10 17:05"]


def test_days_and_times() -> None:
    assert times(ticks(daily="06:30"), NOW, 2) == ["03-10 06:30", "03-11 06:30"]
    assert times(ticks(weekly=["mon", "thu"], at="14:00"), NOW, 3) == ["03-09 14:00", "03-12 14:00", "03-16 14:00"]
    assert times(ticks(cron="0 6 * * mon-fri"), datetime(2026, 3, 13, 7, tzinfo=UTC), 1) == ["03-16 06:00"]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (28, ["01-28", "02-28", "03-28", "04-28"]),
        (29, ["01-29", "02-28", "03-29", "04-29"]),
        (30, ["01-30", "02-28", "03-30", "04-30"]),
        (31, ["01-31", "02-28", "03-31", "04-30"]),
    ],
)
def test_a_day_that_the_month_lacks_means_its_last(day: int, expected: list[str]) -> None:
    found = times(ticks(monthly=day), datetime(2026, 1, 2, tzinfo=UTC), 4)
    assert found == [f"{when} 00:00" for when in expected]


def test_february_of_a_leap_year_has_one_run() -> None:
    assert times(ticks(monthly=29), datetime(2028, 2, 2, tzinfo=UTC), 2) == ["02-29 00:00", "03-29 00:00"]
    assert times(ticks(monthly=30), datetime(2028, 2, 2, tzinfo=UTC), 2) == ["02-29 00:00", "03-30 00:00"]


def test_start_and_end_are_included() -> None:
    found = ticks(daily="06:00", start="2026-03-11T06:00", end="2026-03-13")
    assert times(found, NOW, 9) == ["03-11 06:00", "03-12 06:00", "03-13 06:00"]
    assert found.until(datetime(2027, 1, 1, tzinfo=UTC)) == datetime(2026, 3, 13, 6, tzinfo=UTC)
    assert found.until(NOW) is None


def test_dates_are_in_utc_unless_they_say_otherwise() -> None:
    assert spec(daily="06:00", start="2026-03-11T06:00+02:00").start == datetime(2026, 3, 11, 4, tzinfo=UTC)
    assert spec(daily="06:00", start="2026-03-11T06:00").start == datetime(2026, 3, 11, 6, tzinfo=UTC)
    assert spec(daily="06:00", end="2026-03-11").end == datetime(2026, 3, 12, tzinfo=UTC) - timedelta(microseconds=1)


def test_a_new_export_with_a_past_start_waits_for_its_next_time() -> None:
    found = ticks(daily="12:00", start="2025-01-01")
    assert found.due(None, NOW) == datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_a_time_that_has_just_gone_by_is_still_due() -> None:
    """The declarations are read again between the time and Airflow's start of the run: it must not be lost."""
    found = ticks(daily="12:00")
    noon = datetime(2026, 3, 9, 12, tzinfo=UTC)
    for last in (None, noon - timedelta(days=1), noon - timedelta(days=30)):
        assert found.due(last, noon) == noon
        assert found.due(last, noon + GRACE) == noon


def test_one_missed_time_is_made_up_for_and_many_are_not() -> None:
    found = ticks(daily="12:00")
    noon = datetime(2026, 3, 9, 12, tzinfo=UTC)
    assert found.due(noon - timedelta(days=1), NOW) == noon, "Airflow was down at noon"
    assert found.due(noon - timedelta(days=3), NOW) == noon + timedelta(days=1), "the export was off for days"
    assert found.due(noon, NOW) == noon + timedelta(days=1), "noon has run"


def test_no_time_is_due_after_the_end() -> None:
    found = ticks(daily="12:00", end="2026-03-08")
    assert found.due(None, NOW) is None
    assert found.due(datetime(2026, 3, 8, 12, tzinfo=UTC), NOW) is None


def test_a_dataset_export_by_the_clock_ends_a_year_after_its_start() -> None:
    def export(**schedule: str) -> DatasetExport:
        keys = {"kind": "dataset-export", "name": "x", "connection": "c", "datasets": ["d"], "schedule": schedule}
        return DatasetExport.model_validate(keys)

    ends = {when.end for when in [export(daily="06:00", start="2026-03-09").when] if when}
    assert ends == {datetime(2027, 3, 9, tzinfo=UTC)}
    stated = export(daily="06:00", start="2026-03-09", end="2030-01-01").when
    assert stated is not None
    assert stated.end is not None
    assert stated.end.year == 2030
    follows = export(after="system_refresh", start="2026-03-09").when
    assert follows is not None
    assert follows.end is None


@pytest.mark.parametrize(
    "keys",
    [
        {"every": "6 hours", "at": "00:30", "start": "2026-01-01", "end": "2026-12-31", "stagger": "5 min"},
        {"daily": "06:00", "after_refresh": True},
        {"weekly": ["mon", "thu"]},
        {"monthly": 31},
        {"cron": "0 6 * * *"},
        {"once": "2026-01-01T06:00"},
        {"after": "other"},
    ],
)
def test_it_is_the_same_after_a_stay_in_a_plan(keys: dict[str, Any]) -> None:
    """A run keeps its plan as JSON between tasks, with every key that has a default."""
    assert ScheduleSpec.model_validate_json(spec(**keys).model_dump_json()) == spec(**keys)


def test_the_short_words_in_full() -> None:
    assert in_full("with-refresh") == spec(after="system_refresh")
    assert in_full("off") is None
    assert in_full("once") is None


@pytest.mark.parametrize(
    "keys",
    [{"every": "5 hours"}, {"daily": "6:00"}, {"weekly": []}, {"monthly": 0}, {"once": "tomorrow"}, {"at": "06:00"}],
)
def test_what_is_no_schedule(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(**keys)
