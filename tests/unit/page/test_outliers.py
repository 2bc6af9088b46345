"""Which deliveries stand out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sluice.page.outliers import lasted, outliers
from sluice.runs.record import Record
from tests.unit.runs.journals import NOW, record

pytestmark = pytest.mark.slow  # each test is a project, an API and its requests


def delivery(records: int, seconds: float = 10, **said: object) -> Record:
    one = record(records=records, bytes=100).model_copy(update=said)
    return one.model_copy(update={"started": one.ended - timedelta(seconds=seconds)})


USUAL = [delivery(100 + n % 3) for n in range(20)]


@pytest.mark.parametrize(
    ("one", "before", "expected"),
    [
        (delivery(101), USUAL, []),
        (delivery(130), USUAL, ["records"]),
        (delivery(50), USUAL, ["records"]),
        (delivery(101, seconds=100), USUAL, ["seconds"]),
        (delivery(0, bytes=0), USUAL, ["records", "bytes"]),
        (delivery(500), USUAL[:4], []),
        (delivery(500), USUAL[:5], ["records"]),
        (delivery(0, outcome="failed"), USUAL, []),
        (delivery(101), [delivery(100)] * 20, []),
        (delivery(500), [*USUAL, *([delivery(500)] * 50)], ["records"]),
    ],
    ids=range(10),
)
def test_they_are_far_from_those_before(one: Record, before: list[Record], expected: list[str]) -> None:
    assert outliers(one, before) == expected


def test_a_run_whose_start_is_unknown_lasted_as_long_as_its_steps() -> None:
    assert lasted(delivery(1, seconds=7)) == 7
    assert lasted(record().model_copy(update={"started": None, "seconds": 3.0, "ended": NOW})) == 3.0
