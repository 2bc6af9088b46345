"""A whole year of hourly runs in which everything goes wrong: nothing is lost, nothing comes twice, and what was
delivered adds up to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import World
from tests.unit.delivery.accounts import Accounts, check_accounts
from tests.unit.delivery.test_year import check


@pytest.mark.parametrize("seed", [2026])
def test_a_year_loses_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    year = Accounts(World(tmp_path), seed)
    year.live(365 * 24)
    check(year)
    check_accounts(year)
    print(dict(year.seen))
