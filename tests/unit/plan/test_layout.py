"""Folders, part names and the manifest's place."""

from datetime import UTC, datetime

import pytest

from sluice.plan.layout import format_time

TIME = datetime(2026, 3, 9, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("YYYYMMdd_HHmmss", "20260309_040506"),
        ("yyyyMMdd_HHmmss", "20260309_040506"),
        ("YYYYMMDD_HHMM", "20260309_0405"),
        ("DD.MM.YYYY", "09.03.2026"),
        ("plain", "plain"),
    ],
)
def test_times_are_spelled_by_the_products_letters(pattern: str, text: str) -> None:
    assert format_time(pattern, TIME) == text
