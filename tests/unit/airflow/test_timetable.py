"""The timetable as the scheduler asks it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DataInterval, TimeRestriction
from pendulum import instance

from sluice.airflow.timetable import ClockTimetable
from sluice.definition.models.ticks import GRACE

TIMETABLE = ClockTimetable(("0 6 * * *",), "daily at 06:00 UTC")


def asked(
    last: datetime | None, start: datetime | None, end: datetime | None, *, catchup: bool = False
) -> datetime | None:
    restriction = TimeRestriction(start and instance(start), end and instance(end), catchup)
    before = DataInterval.exact(instance(last)) if last else None
    found = TIMETABLE.next_dagrun_info(last_automated_data_interval=before, restriction=restriction)
    return found.run_after if found else None


def six(days: int = 0) -> datetime:
    """The last 06:00, or one some days from it."""
    now = datetime.now(UTC)
    today = now.replace(hour=6, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today > now) + timedelta(days=days)


def test_enabling_an_export_with_a_past_start_runs_nothing_at_once() -> None:
    late = datetime.now(UTC) - six() > GRACE
    assert asked(None, six(-300), None) == (six(1) if late else six())


def test_an_outage_is_made_up_for_once_and_a_pause_is_not() -> None:
    assert asked(six(-1), None, None) == six()
    assert asked(six(), None, None) == six(1)
    late = datetime.now(UTC) - six() > GRACE
    assert asked(six(-9), None, None) == (six(1) if late else six())


def test_it_ends() -> None:
    assert asked(six(), None, six(1)) == six(1), "the end is included"
    assert asked(six(1), None, six(1)) is None


def test_a_backfill_gets_every_time_between_its_dates() -> None:
    found, listed = asked(None, six(-7), six(-1), catchup=True), []
    while found:
        listed.append(found)
        found = asked(found, six(-7), six(-1), catchup=True)
    assert listed == [six(day) for day in range(-7, 0)]


def test_a_run_is_due_at_its_logical_date() -> None:
    restriction = TimeRestriction(None, None, catchup=False)
    found = TIMETABLE.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert found is not None
    assert found.logical_date == found.run_after


def test_airflow_stores_it_and_reads_it_back() -> None:
    restored = decode_timetable(encode_timetable(TIMETABLE))
    assert isinstance(restored, ClockTimetable)
    assert (restored.crons, restored.summary, restored.description) == (TIMETABLE.crons, *["daily at 06:00 UTC"] * 2)
