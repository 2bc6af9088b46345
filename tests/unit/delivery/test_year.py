"""Weeks of hourly runs in which everything goes wrong: nothing is lost, nothing comes twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import World
from tests.unit.delivery.year import STEPS, Year

WEEK = 7 * 24


def check(year: Year) -> None:
    year.settle()
    delivered = year.delivered()
    assert [row for row in year.written if not delivered[row]] == [], "lost"
    assert [row for row, times in delivered.items() if times > 1] == [], "delivered twice"
    assert set(delivered) == set(year.written)
    year.chain()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_a_week_loses_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    year = Year(World(tmp_path), seed)
    year.live(WEEK)
    check(year)
    mishaps = sum(times for what, times in year.seen.items() if what.endswith(tuple(STEPS)))
    assert mishaps > 5, year.seen
