"""The contract year, as the page shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sluice.page.api import usage
from sluice.runs.journal import Journal
from tests.pages import FILES, NORA, VERA, Page, page
from tests.unit.runs.journals import record

pytestmark = pytest.mark.slow  # each test is a project, an API and its requests

NOW = datetime(2026, 6, 2, 12, tzinfo=UTC)
LICENCE = """
licence:
  applications: [{application: real-time-cdp, tier: prime, profiles: 10}]
  year_starts: 03-15
  over: hold
"""


class Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return NOW


@pytest.fixture
def delivered(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr(usage, "datetime", Clock)
    made = page(tmp_path, {"project.yaml": FILES["project.yaml"] + LICENCE})
    journal = Journal.of(made.world.settings.staging, made.world.connections)
    for number, (at, values) in enumerate(
        [
            (datetime(2026, 3, 14, tzinfo=UTC), {"bytes": 9}),
            (datetime(2026, 3, 15, tzinfo=UTC), {"bytes": 1_000_000}),
            (datetime(2026, 5, 31, tzinfo=UTC), {"bytes": 280_000, "connection": "shared"}),
            (datetime(2026, 6, 2, tzinfo=UTC), {"bytes": 20_000, "application": "real-time-cdp"}),
            (datetime(2026, 6, 2, tzinfo=UTC), {"bytes": 7, "kind": "segment-export"}),
        ]
    ):
        journal.append(record("orders", f"r{number}", at=at, **({"kind": "dataset-export"} | values)))
    return made


def test_the_current_contract_year(delivered: Page) -> None:
    found = delivered.get("/usage", VERA).json()
    lines, others = found.pop("lines"), found.pop("others")
    assert found == {
        "year": 2026,
        "starts": "2026-03-15",
        "ends": "2027-03-14",
        "entitlement": 5_000_000,
        "warns_from": 4_000_000,
        "over": "hold",
        "used": 1_300_000,
        "share": 0.26,
        "forecast": 1_300_000 + 285 * 10_000,
        "months": [
            {"month": "2026-03", "bytes": 1_000_000, "total": 1_000_000},
            {"month": "2026-04", "bytes": 0, "total": 1_000_000},
            {"month": "2026-05", "bytes": 280_000, "total": 1_280_000},
            {"month": "2026-06", "bytes": 20_000, "total": 1_300_000},
        ],
    }
    assert [(one["connection"], one["application"], one["bytes"]) for one in lines] == [
        ("out", "", 1_000_000),
        ("shared", "", 280_000),
        ("out", "real-time-cdp", 20_000),
    ]
    assert [(one["kind"], one["bytes"]) for one in others] == [("segment-export", 7)]


def test_another_year_and_a_year_to_come(delivered: Page) -> None:
    found = delivered.get("/usage", year=2025).json()
    assert (found["used"], found["forecast"], len(found["months"])) == (9, None, 13)
    found = delivered.get("/usage", year=2027).json()
    assert (found["used"], found["months"], found["lines"]) == (0, [], [])
    assert delivered.get("/usage", year=5).status_code == 422


def test_without_a_licence_the_figures_are_there(delivered: Page) -> None:
    (delivered.include / "project.yaml").write_text(FILES["project.yaml"])
    delivered.world.changed()
    found = delivered.get("/usage").json()
    assert (found["starts"], found["entitlement"], found["share"], found["used"]) == (
        "2026-01-01", None, None, 1_300_009,
    )  # fmt: skip


def test_nobody_sees_nothing(delivered: Page) -> None:
    assert delivered.get("/usage", NORA).status_code == 403
