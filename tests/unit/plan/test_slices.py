"""Time in slices: no gap, no overlap, cut where spans begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.definition.models.export import DatasetExport
from sluice.model.run import Window
from sluice.plan.slices import STEPS, Step, between_ticks, slices

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 4, 1), timezones=st.just(UTC))


@pytest.mark.slow
@given(MOMENTS, st.timedeltas(timedelta(seconds=1), timedelta(days=9)), st.sampled_from(STEPS))
def test_slices_follow_one_another_from_end_to_end(after: datetime, length: timedelta, step: Step) -> None:
    whole = Window(after=after, until=after + length)
    found = list(slices(whole, step))
    assert (found[0].after, found[-1].until) == (whole.after, whole.until)
    assert all(one.until == two.after for one, two in pairwise(found))
    assert all(one.after < one.until for one in found)
    cuts = {one.until for one in found[:-1]}
    assert all(cut == cut.replace(minute=0, second=0, microsecond=0) for cut in cuts)
    assert all(cut.hour == 0 for cut in cuts if step != "hour")
    assert all(cut.weekday() == 0 for cut in cuts if step == "week")
    assert all(cut.day == 1 for cut in cuts if step == "month")


@pytest.mark.parametrize(("step", "count"), [("hour", 25), ("day", 2), ("week", 2), ("month", 2)])
def test_each_step(step: Step, count: int) -> None:
    whole = Window(after=datetime(2026, 5, 31, tzinfo=UTC), until=datetime(2026, 6, 1, 1, tzinfo=UTC))
    assert len(list(slices(whole, step))) == count


@pytest.mark.parametrize(
    ("schedule", "found"),
    [
        ({"daily": "06:00"}, ["01T06:00/02T06:00", "02T06:00/03T06:00"]),
        ({"every": "12h"}, ["01T12:00/02T00:00", "02T00:00/02T12:00", "02T12:00/03T00:00", "03T00:00/03T12:00"]),
        ({"weekly": ["mon"]}, ["23T00:00/02T00:00"]),
    ],
)
def test_a_clock_has_slices_of_its_own(schedule: Any, found: list[str]) -> None:
    export = DatasetExport(name="e", kind="dataset-export", connection="c", datasets=("d",), schedule=schedule)
    whole = Window(after=datetime(2026, 3, 2, tzinfo=UTC), until=datetime(2026, 3, 3, 12, tzinfo=UTC))
    assert [f"{one.after:%dT%H:%M}/{one.until:%dT%H:%M}" for one in between_ticks(export, whole)] == found
