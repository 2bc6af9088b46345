"""The timeline in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sluice.access.audit import Entry, Text
from sluice.alerts.notices import News
from sluice.alerts.outbox import Outbox, notify
from sluice.definition.models.alerts import Alert
from sluice.delivery.report.schemas import Schemas
from sluice.page import events
from sluice.page.events import of_entry, of_run
from sluice.runs.journal import Journal
from tests.pages import VERA, Page
from tests.unit.runs.journals import NOW, record

pytestmark = pytest.mark.slow  # each test is a project, an API and its requests


@pytest.mark.parametrize(
    ("said", "kind", "title", "status"),
    [
        ({"records": 1204, "files": 1}, "run", "Delivered 1,204 records in 1 file", "successful"),
        ({"records": 1, "files": 2}, "run", "Delivered 1 record in 2 files", "successful"),
        ({"outcome": "held", "why": "too many"}, "held", "Held", "held"),
        ({"outcome": "failed"}, "run", "Failed", "failed"),
        ({"outcome": "unknown"}, "run", "Ended, with an unknown outcome", "unknown"),
    ],
)
def test_runs(said: dict[str, object], kind: str, title: str, status: str) -> None:
    event = of_run(record().model_copy(update=said))
    assert (event.kind, event.title, event.status, event.detail) == (kind, title, status, said.get("why", ""))


def entry(verb: str, **said: object) -> Entry:
    known = {"at": NOW, "actor": "ann", "administrator": False, "subjects": ("export orders",), "outcome": "done"}
    return Entry.model_validate({**known, "verb": verb, **said})


def test_edits_show_their_diff() -> None:
    text = Text(file="exports/orders.yaml", before="a: 1\nb: 2\n", after="a: 1\nb: 3\n")
    event = of_entry(entry("schedule-export", texts=(text,)))
    assert (event.kind, event.title, event.actor) == ("edit", "ann changed the schedule", "ann")
    assert event.detail.splitlines() == [
        "--- a/exports/orders.yaml",
        "+++ b/exports/orders.yaml",
        "@@ -1,2 +1,2 @@",
        " a: 1",
        "-b: 2",
        "+b: 3",
    ]


def test_actions() -> None:
    assert of_entry(entry("release-run")).kind == "released"
    refused = of_entry(entry("cancel-run", outcome="refused", why="ann may not"))
    assert (refused.kind, refused.title) == ("action", "ann tried, without success: cancel run")
    assert refused.detail == "ann may not"
    assert of_entry(entry("some-later-verb")).title == "ann some later verb"


def happened(page: Page) -> list[str]:
    """Every minute an action on `mine` or on another export, and a run of `mine` now and then; what concerns
    `mine`, newest first."""
    journal, expected = Journal.of(page.world.settings.staging, page.world.connections), []
    for minute in range(130):
        at = NOW + timedelta(minutes=minute)
        own = minute % 40 in (0, 1)
        page.world.audit.append(entry("edit-export", at=at, subjects=(f"export {'mine' if own else 'theirs'}",)))
        expected += [f"action {minute}"] if own else []
        if minute in (3, 90):
            journal.append(record("mine", f"r{minute}", at=at + timedelta(seconds=30)))
            expected.append(f"run {minute}")
    return expected[::-1]


def read(page: Page, limit: int) -> tuple[list[str], list[int]]:
    """All pages of the timeline, and how many events each has."""
    found: list[str] = []
    sizes, query = [], dict[str, Any]()
    while True:
        answer = page.get("/exports/mine/timeline", VERA, limit=limit, **query).json()
        for one in answer["events"]:
            at = events.datetime.fromisoformat(one["at"])
            found.append(f"{one['kind']} {int((at - NOW).total_seconds() // 60)}")
        sizes.append(len(answer["events"]))
        assert answer["more"] == (answer["before"] is not None)
        if not answer["more"]:
            return found, sizes
        query["before"] = answer["before"]


def test_pages_go_on_to_the_first_event(page: Page) -> None:
    expected = happened(page)
    assert read(page, 3) == (expected, [3, 3, 3, 1])
    assert read(page, 10) == (expected, [10])
    assert page.get("/exports/mine/timeline", VERA, before="2026-01-01T00:00:00").status_code == 422


def test_a_long_audit_log_is_read_in_parts(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer says how far it has looked, and misses nothing."""
    expected = happened(page)
    monkeypatch.setattr(events, "PATIENCE", -1.0)
    found, sizes = read(page, 10)
    assert found == expected
    assert len(sizes) > 100


def test_notices_and_changes_of_the_schema_are_events(page: Page) -> None:
    staging, access = page.world.settings.staging, page.world.connections
    schemas = Schemas.of(staging, "people", access)
    schemas.delivered({"people": {"id": "int64"}}, "r1", NOW)
    schemas.delivered({"people": {"id": "string"}}, "r2", NOW + timedelta(hours=1))
    news = News("people", "r2", "failed")
    notify((Alert(to="ops"),), news, Outbox.of(staging, "people", access), lambda *_: None, NOW + timedelta(hours=2))
    found = page.get("/exports/people/timeline", VERA).json()["events"]
    said = [
        (one["kind"], one["title"], one["detail"], one["run"]) for one in found if one["kind"] in ("alert", "schema")
    ]
    assert said == [
        ("alert", "Notified ops", "people has failed", "r2"),
        ("schema", "The schema changed", "people: column id was int64, and is string", "r2"),
    ]
