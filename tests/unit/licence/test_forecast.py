"""Contract years, and what will have been delivered when one ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from sluice.definition.models.licence import Licence
from sluice.licence.forecast import forecast
from sluice.licence.spell import spell_volume
from sluice.licence.year import ContractYear, year_named, year_of

DAY = timedelta(days=1)
YEAR = ContractYear(date(2026, 3, 15), date(2027, 3, 15))


def starting(day: str) -> Licence:
    one = {"application": "real-time-cdp", "tier": "prime", "profiles": 1}
    return Licence.model_validate({"applications": [one], "year_starts": day})


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        (datetime(2026, 3, 14, 23, 59, 59, 999999, UTC), 2025),
        (datetime(2026, 3, 15, tzinfo=UTC), 2026),
        (datetime(2027, 3, 14, 23, 59, tzinfo=UTC), 2026),
        (datetime(2026, 3, 15, 1, tzinfo=timezone(timedelta(hours=2))), 2025),
        (datetime(2026, 3, 14, 23, tzinfo=timezone(timedelta(hours=-2))), 2026),
    ],
)
def test_a_contract_year_starts_on_its_day_in_utc(moment: datetime, name: int) -> None:
    assert year_of(moment, starting("03-15")) == year_named(name, starting("03-15"))
    assert year_named(2026, starting("03-15")) == YEAR


def test_without_a_licence_it_is_the_calendar_year() -> None:
    assert year_of(datetime(2026, 1, 1, tzinfo=UTC), None) == ContractYear(date(2026, 1, 1), date(2027, 1, 1))


def even(today: date, days: int, value: int) -> dict[date, int]:
    """The same on each of the days before today."""
    return {today - n * DAY: value for n in range(1, days + 1)}


@pytest.mark.parametrize(
    ("today", "days", "expected"),
    [
        (date(2027, 3, 14), 28, 1000 + 10),
        (date(2027, 3, 13), 28, 1000 + 20),
        (date(2026, 3, 15), 28, 1000 + 365 * 10),
        (date(2026, 3, 14), 28, 1000 + 365 * 10),
        (date(2026, 3, 1), 28, 1000 + 365 * 10),
        (date(2027, 3, 14), 3, 1000 + 10),
    ],
)
def test_each_day_that_is_left_delivers_the_mean(today: date, days: int, expected: int) -> None:
    assert forecast(YEAR, today, 1000, even(today, days, 10), today - days * DAY) == expected


def test_the_mean_is_of_28_days_even_if_most_have_no_delivery() -> None:
    today = date(2027, 3, 4)
    weekly = {today - n * DAY: 700 for n in (1, 8, 15, 22)}
    assert forecast(YEAR, today, 0, weekly, date(2026, 1, 1)) == 11 * 100
    assert forecast(YEAR, today, 0, weekly | {today - 29 * DAY: 10**9}, date(2026, 1, 1)) == 11 * 100
    assert forecast(YEAR, today, 0, weekly | {today - 28 * DAY: 28}, date(2026, 1, 1)) == 11 * 101


def test_what_was_delivered_today_is_not_expected_again() -> None:
    today = date(2027, 3, 14)
    past, first = even(today, 28, 10), date(2026, 1, 1)
    assert [forecast(YEAR, today, 1000 + n, past | {today: n}, first) for n in (0, 9, 10, 11)] == [
        1010, 1010, 1010, 1011,
    ]  # fmt: skip


def test_on_the_first_day_that_day_is_the_trend() -> None:
    today = date(2027, 3, 4)
    assert forecast(YEAR, today, 50, {today: 50}, today) == 50 + 10 * 50


def test_without_deliveries_and_after_the_year_there_is_none() -> None:
    assert forecast(YEAR, date(2026, 5, 1), 0, {}, None) is None
    assert forecast(YEAR, YEAR.end, 1000, even(YEAR.end, 28, 10), date(2026, 1, 1)) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1250, "1.2 kB"), (9_949_000, "9.9 MB"), (9_960_000, "10 MB")],
        *[(999_499, "999 kB"), (999_500, "1 MB"), (14 * 10**12, "14 TB"), (12_500 * 10**18, "12,500 EB")],
    ],
)
def test_volumes_read_well(value: int, text: str) -> None:
    assert spell_volume(value) == text
