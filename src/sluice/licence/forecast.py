"""The forecast: what will have been delivered when the contract year ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from sluice.licence.year import ContractYear

TREND = 28
"""The days before today whose mean is the trend: four whole weeks."""


def forecast(
    year: ContractYear, today: date, used: int, delivered: Mapping[date, int], first: date | None
) -> int | None:
    """The bytes delivered at the end of the year: those used, and the mean of the last 28 days for each day that is
    left. None if the year is over, or if nothing was ever delivered.

    `delivered` has the bytes of days; `first` is the day of the first delivery ever. Without 28 days since then, the
    mean is of the days there are; on the first day, it is that day's bytes. What today lacks to the mean is still
    expected."""
    if today >= year.end or first is None or first > today:
        return None
    since = max(first, today - timedelta(days=TREND))
    days = (today - since).days
    trend = [delivered.get(since + timedelta(days=n), 0) for n in range(days)] or [delivered.get(today, 0)]
    mean = sum(trend) / len(trend)
    rest = max(0.0, mean - delivered.get(today, 0)) if today >= year.start else 0.0
    return used + round(rest + mean * year.rest(today))
