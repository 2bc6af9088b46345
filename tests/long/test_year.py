"""A whole year of hourly runs in which everything goes wrong: nothing is lost, nothing comes twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import World
from tests.unit.delivery.test_year import check
from tests.unit.delivery.year import Year


@pytest.mark.parametrize("seed", [2026])
def test_a_year_loses_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    year = Year(World(tmp_path), seed)
    year.live(365 * 24)
    check(year)
    print(dict(year.seen))
