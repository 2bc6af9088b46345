"""Which slice of time a backfill delivers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sluice.definition.models.export import DatasetExport, Export, SegmentExport
from sluice.errors import DefinitionError
from sluice.plan.window import window_of

DUE = datetime(2026, 3, 2, 6, tzinfo=UTC)


def export(schedule: Any, **more: Any) -> Export:
    return DatasetExport(name="e", kind="dataset-export", connection="c", datasets=("d",), schedule=schedule, **more)


@pytest.mark.parametrize(
    ("schedule", "after"),
    [
        ({"every": "6h"}, "2026-03-02T00:00"),
        ({"daily": "06:00"}, "2026-03-01T06:00"),
        ({"weekly": ["mon"], "at": "06:00"}, "2026-02-23T06:00"),
        ({"monthly": 2, "at": "06:00"}, "2026-02-02T06:00"),
        ({"cron": "0 6 * * *"}, "2026-03-01T06:00"),
    ],
)
def test_a_backfill_covers_the_time_since_the_tick_before(schedule: Any, after: str) -> None:
    found = window_of(export(schedule), "backfill", DUE, None)
    assert found is not None
    assert (found.after, found.until) == (datetime.fromisoformat(after).replace(tzinfo=UTC), DUE)


def test_other_runs_and_whole_exports_have_no_window() -> None:
    assert window_of(export({"daily": "06:00"}), "scheduled", DUE, None) is None
    assert window_of(export({"daily": "06:00"}, mode="full"), "backfill", DUE, None) is None
    segments = SegmentExport(name="s", kind="segment-export", connection="c", segments=("s",), fields=("id",))
    assert window_of(segments, "backfill", DUE, None) is None


def test_a_slice_may_be_asked_for() -> None:
    found = window_of(export("off"), "manual", DUE, {"from": "2026-03-01", "to": "2026-03-01T12:30:00+01:00"})
    assert str(found) == "(2026-03-01T00:00:00Z, 2026-03-01T11:30:00Z]"


@pytest.mark.parametrize(
    "asked",
    [{"from": "2026-03-02", "to": "2026-03-01"}, {"from": "yesterday", "to": "2026-03-01"}, {"from": "2026-03-01"}],
)
def test_what_is_no_slice_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(DefinitionError, match="is not a slice of time"):
        window_of(export("off"), "manual", DUE, asked)


def test_a_backfill_without_a_clock_names_the_way_out() -> None:
    with pytest.raises(DefinitionError, match="no clock schedule") as caught:
        window_of(export("with-refresh"), "backfill", DUE, None)
    assert "window" in caught.value.next_step
