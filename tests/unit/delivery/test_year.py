"""Days of hourly runs in which everything goes wrong: nothing is lost or comes twice. `tests/long` plays a year."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import World
from tests.unit.delivery.accounts import Accounts, check_accounts
from tests.unit.delivery.year import STEPS, Year

DAYS = 24
"""Hours a day."""


def check(year: Year) -> None:
    year.settle()
    delivered = year.delivered()
    assert [row for row in year.written if not delivered[row]] == [], "lost"
    assert [row for row, times in delivered.items() if times > 1] == [], "delivered twice"
    assert set(delivered) == set(year.written)
    year.chain()


@pytest.mark.parametrize(("days", "seed"), [(1, 1), (2, 2)])
@pytest.mark.slow
def test_hourly_runs_lose_and_repeat_nothing(tmp_path: Path, days: int, seed: int) -> None:
    year = Year(World(tmp_path), seed)
    year.live(days * DAYS)
    check(year)
    mishaps = sum(times for what, times in year.seen.items() if what.endswith(tuple(STEPS)))
    assert mishaps > days // 2, year.seen


@pytest.mark.slow
def test_what_was_delivered_adds_up_to_the_byte(tmp_path: Path) -> None:
    """With retries, deliveries that are sent again, and runs that are taken back."""
    year = Accounts(World(tmp_path), seed=3)
    year.live(2 * DAYS)
    check_accounts(year)
