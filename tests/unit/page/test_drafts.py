"""Drafts through the API: what is wrong with them, what they would do, and who sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.page import rows
from tests.pages import ANNA, EXPORT, FILES, ROOT, VERA, Page

pytestmark = pytest.mark.slow  # each test is a project, an API and its requests

PEOPLE = FILES["exports/people.yaml"]


def check(page: Page, text: str, actor: Any = ANNA, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = page.post("/drafts/check", {"name": "mine", "text": text, **more}, actor).json()
    return found


def test_a_draft_shows_what_it_would_do(page: Page) -> None:
    found = check(page, EXPORT.format("own") + 'schedule: {daily: "07:00", end: 2031-01-01}\n')
    assert (found["errors"], found["may_save"]) == ([], True)
    assert found["schedule"] == "daily at 07:00 UTC"
    assert len(found["next_runs"]) == 5
    assert [path.split("/")[0] for path in found["tree"]] == ["inbox", "inbox"]
    assert "+schedule: {daily" in found["diff"]
    assert found["values"]["datasets"] == ["orders"]
    assert page.text("exports/mine.yaml") == FILES["exports/mine.yaml"]


def test_errors_of_other_files_are_shown_too(page: Page) -> None:
    (page.include / "exports/next.yaml").write_text(EXPORT.format("own") + "schedule: {after: mine}\n")
    found = check(page, EXPORT.format("own") + "schedule: {after: next}\n")
    assert "cycle" in found["errors"][0]["what"]
    found = check(page, EXPORT.format("own").replace("mode", "mood"))
    assert (found["errors"][0]["line"], found["errors"][0]["nearest"]) == (4, "mode")


def test_a_new_draft_needs_a_new_name(page: Page) -> None:
    assert "already named" in check(page, EXPORT.format("own"), new=True)["errors"][0]["what"]
    assert "not a valid name" in check(page, EXPORT.format("own"), new=True, name="../x")["errors"][0]["what"]


def test_a_viewer_sees_no_folder_of_a_connection_that_is_not_shared(page: Page) -> None:
    found = check(page, EXPORT.format("others"), VERA)
    assert (found["may_save"], found["plan"], found["tree"]) == (False, "", [])
    draft = {"family": "connection", "name": "others", "text": "type: local\n"}
    for actor in (VERA, ANNA):
        assert page.post("/drafts/check", draft, actor).status_code == 403
    assert page.post("/drafts/check", draft, ROOT).json()["errors"]


@pytest.mark.parametrize(
    "text",
    ["[" * 1000, "a: &a [x]\nb: &b [*a, *a, *a]\n" * 2, "x: \0", "\ud800", "- 1", "", "a: .inf\nb: 1e999", "1" * 5000],
)
def test_bad_texts_are_errors(page: Page, text: str) -> None:
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"name": "mine", "text": text})
    answer = page.client.post("/api/v1/drafts/check", content=body, headers=headers)
    assert answer.status_code in (200, 422)
    assert answer.json().get("errors") or answer.json()["what"]


def test_rows_are_previewed_as_they_would_be_delivered(page: Page) -> None:
    (feed,) = page.post("/drafts/preview", {"name": "people", "text": PEOPLE}, ANNA).json()
    assert (feed["columns"], feed["rows"]) == (["id", "mail"], [["2", None], ["3", "c@x"]])
    moved = PEOPLE.replace("own", "others")
    for actor, text in ((VERA, PEOPLE), (ANNA, moved)):
        assert page.post("/drafts/preview", {"name": "people", "text": text}, actor).status_code == 403
    wrong = page.post("/drafts/preview", {"name": "people", "text": PEOPLE.replace("rich", "ritch")}, ANNA)
    assert (wrong.status_code, wrong.json()["nearest"]) == (422, "rich")
    answer = page.post("/drafts/preview", {"name": "people", "text": PEOPLE}, ANNA)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_preview_that_takes_too_long_says_so(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "DEADLINE", 0.0)
    answer = page.post("/drafts/preview", {"name": "people", "text": PEOPLE}, ANNA)
    assert answer.status_code == 503
    assert "no answer within 0 seconds" in answer.json()["what"]


def test_schemas_are_those_of_the_files(page: Page) -> None:
    assert page.get("/schema/export", VERA).json()["title"].startswith("An export")
    assert page.get("/schema/segment", VERA).json()["title"].startswith("Segments")
    assert page.get("/schema/nothing", VERA).status_code == 422


def test_the_text_of_a_form_keeps_the_comments_of_the_file(page: Page) -> None:
    values = page.get("/exports/people", ANNA).json()["values"]
    assert page.post("/drafts/text", {"values": values, "text": PEOPLE}, VERA).json()["text"] == PEOPLE
    changed = values | {"retries": 3, "segments": ["rich", "poor"]}
    found = page.post("/drafts/text", {"values": changed, "text": PEOPLE}, VERA).json()["text"]
    assert "segments: [rich, poor]  # who spend\n" in found
    assert "retries: 3\n" in found
    del changed["fields"]
    assert "fields" not in page.post("/drafts/text", {"values": changed, "text": PEOPLE}, VERA).json()["text"]
    new = page.post("/drafts/text", {"values": values}, VERA).json()["text"]
    assert check(page, new, name="people2")["errors"] == []
