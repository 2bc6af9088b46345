"""Whether and when a started run may begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.definition.models.export import DatasetExport
from sluice.definition.start import begins, check_period, fresh_since, is_active
from sluice.errors import Skipped
from sluice.model.run import Run

DUE = datetime(2026, 3, 9, 6, tzinfo=UTC)


def export(name: str = "orders", **keys: Any) -> DatasetExport:
    given = {"kind": "dataset-export", "name": name, "connection": "c", "datasets": ["d"], **keys}
    return DatasetExport.model_validate(given)


def run(kind: str = "scheduled") -> Run:
    return Run(export="orders", run_id="x", export_time=DUE, run_type=kind)


@pytest.mark.parametrize("kind", ["scheduled", "manual", "asset_triggered", "operator_triggered"])
def test_a_run_outside_the_period_is_skipped_and_says_so(kind: str) -> None:
    ended = export(schedule={"after": "system_refresh", "end": "2026-03-08"})
    with pytest.raises(Skipped, match=r"orders ended at 2026-03-08 23:59 UTC, .* due at 2026-03-09 06:00 UTC"):
        check_period(ended, run(kind))
    to_come = export(schedule={"after": "system_refresh", "start": "2026-03-10"})
    with pytest.raises(Skipped, match="starts at 2026-03-10 00:00 UTC"):
        check_period(to_come, run(kind))


def test_the_year_by_default_binds_too() -> None:
    with pytest.raises(Skipped):
        check_period(export(schedule={"daily": "06:00", "start": "2025-03-01"}), run("manual"))


def test_inside_the_period_and_in_a_backfill_nothing_is_skipped() -> None:
    check_period(export(schedule={"daily": "06:00", "start": "2026-03-09", "end": "2026-03-09"}), run())
    check_period(export(schedule={"daily": "06:00", "end": "2026-01-01"}), run("backfill"))
    check_period(export(schedule="off"), run("manual"))


def test_staggered_exports_spread_over_the_span_and_keep_their_places() -> None:
    schedule = {"daily": "06:00", "end": "2027-01-01", "stagger": "30 min"}
    places = [begins(export(f"export-{n}", schedule=schedule), run()) - DUE for n in range(200)]
    assert places == [begins(export(f"export-{n}", schedule=schedule), run()) - DUE for n in range(200)]
    assert all(timedelta(0) <= place <= timedelta(minutes=30) for place in places)
    in_each_sixth = [sum(n <= place / timedelta(minutes=5) < n + 1 for place in places) for n in range(6)]
    assert min(in_each_sixth) > 15


@pytest.mark.parametrize("kind", ["manual", "backfill"])
def test_what_people_start_begins_at_once(kind: str) -> None:
    assert begins(export(schedule={"after": "system_refresh", "stagger": "30 min"}), run(kind)) == DUE


def test_how_fresh_data_must_be() -> None:
    by_the_clock = {"daily": "06:00", "end": "2027-01-01"}
    assert fresh_since(export(), run()) is None
    assert fresh_since(export(schedule=by_the_clock), run()) is None
    assert fresh_since(export(schedule=by_the_clock | {"after_refresh": True}), run()) == DUE
    both = export(schedule=by_the_clock | {"after_refresh": True}, wait={"max_age": "2h"})
    assert fresh_since(both, run()) == DUE - timedelta(hours=2)
    assert fresh_since(export(wait={"max_age": "1 day"}), run()) == DUE - timedelta(days=1)


@pytest.mark.parametrize(
    ("keys", "active"),
    [
        ({}, True),
        ({"schedule": "off"}, False),
        ({"enabled": False}, False),
        ({"schedule": "once"}, False),
        ({"schedule": {"once": "2026-03-09T07:00"}}, True),
        ({"schedule": {"once": "2026-03-09T05:00"}}, False),
        ({"schedule": {"after": "other"}}, True),
        ({"schedule": {"daily": "06:00", "end": "2026-03-09"}}, True),
        ({"schedule": {"daily": "06:00", "end": "2026-03-08"}}, False),
        ({"schedule": {"daily": "06:00", "start": "2025-03-01"}}, False),
    ],
)
def test_a_schedule_is_active_while_it_will_start_another_run(keys: dict[str, Any], active: bool) -> None:
    assert is_active(export(**keys), DUE) is active
