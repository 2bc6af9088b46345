"""Changes of exports through the API: what is written, recorded, refused and skipped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import pages
from tests.pages import ANNA, EXPORT, FILES, NORA, ROOT, VERA, Page

pytestmark = pytest.mark.slow  # each test is a project, an API and its requests

MINE = FILES["exports/mine.yaml"]


def test_a_contributor_adds_an_export_and_sees_it_at_once(page: Page) -> None:
    answer = page.post("/exports", {"name": "new", "text": EXPORT.format("own")}, ANNA)
    assert answer.status_code == 201
    assert answer.json()["tag"] == page.tag("new")
    assert "+++ b/exports/new.yaml" in answer.json()["diff"]
    assert page.text("exports/new.yaml") == EXPORT.format("own")
    assert "new" in [row["name"] for row in page.get("/exports").json()["rows"]]
    assert page.audit() == [("anna", "create-export", "export new", "done")]


@pytest.mark.parametrize(
    ("who", "connection"), [(ANNA, "others"), (VERA, "own"), (NORA, "own"), (ANNA, "nowhere")], ids=str
)
def test_others_add_nothing(page: Page, who: pages.Actor, connection: str) -> None:
    answer = page.post("/exports", {"name": "new", "text": EXPORT.format(connection)}, who)
    assert answer.status_code == 403
    assert answer.json()["next"]
    assert not (page.include / "exports/new.yaml").exists()


def test_a_stale_edit_comes_back_with_the_text_of_the_other(page: Page) -> None:
    tag = page.tag("mine")
    first = page.put("/exports/mine", {"text": MINE + "retries: 3\n", "tag": tag}, ANNA)
    assert first.json()["tag"] == page.tag("mine") != tag
    second = page.put("/exports/mine", {"text": MINE + "retries: 4\n", "tag": tag}, ANNA)
    assert second.status_code == 409
    assert second.json()["current"] == page.text("exports/mine.yaml") == MINE + "retries: 3\n"


def test_an_edit_that_changes_nothing_keeps_the_tag(page: Page) -> None:
    tag = page.tag("mine")
    assert page.put("/exports/mine", {"text": MINE, "tag": tag}, ANNA).json() | {"warnings": []} == {
        "name": "mine", "tag": tag, "diff": "", "warnings": [], "run": "",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["mine", "../x", "a" * 300, "UP", "nul\0", "x/y", ""])
def test_a_name_that_exists_or_is_none_is_refused(page: Page, name: str) -> None:
    answer = page.post("/exports", {"name": name, "text": EXPORT.format("own")}, ANNA)
    assert answer.status_code == 422
    assert re.search("already named|not a valid name", answer.json()["what"])
    assert sorted(path.name for path in page.include.rglob("*.yaml")) == sorted(Path(name).name for name in FILES)


def test_an_edit_with_a_mistake_says_where(page: Page) -> None:
    answer = page.put("/exports/mine", {"text": MINE.replace("orders", "ordrs"), "tag": page.tag("mine")}, ANNA)
    assert answer.status_code == 422
    found = answer.json()
    assert (found["line"], found["column"], found["nearest"]) == (4, 12, "orders")
    assert page.text("exports/mine.yaml") == MINE
    assert page.audit()[-1] == ("anna", "edit-export", "export mine", "failed")


def test_a_removed_segment_is_named(page: Page) -> None:
    (page.include / "catalog/segments.yaml").write_text("poor: {dataset: customers, where: id < 1}\n")
    page.world.changed()
    found = page.get("/exports/people", VERA).json()
    assert found["row"]["status"] == "broken"
    assert "no segment is named `rich`" in found["errors"][0]["page"]
    change = {"add": ["poor"], "remove": ["rich"], "tag": found["tag"]}
    assert page.post("/exports/people/feeds", change, ANNA).status_code == 200
    assert page.get("/exports/people").json()["errors"] == []


def test_feeds_are_added_and_removed_and_comments_stay(page: Page) -> None:
    tag = page.tag("mine")
    answer = page.post("/exports/mine/feeds", {"add": ["returns"], "remove": ["orders"], "tag": tag}, ANNA)
    assert answer.status_code == 200
    assert page.text("exports/mine.yaml") == MINE.replace("[orders]", "[returns]")
    stale = page.post("/exports/mine/feeds", {"add": ["orders"], "tag": tag}, ANNA)
    assert (stale.status_code, stale.json()["current"]) == (409, page.text("exports/mine.yaml"))
    missing = page.post("/exports/mine/feeds", {"remove": ["retuns"], "tag": page.tag("mine")}, ANNA)
    assert (missing.status_code, missing.json()["nearest"]) == (422, "returns")
    assert page.post("/exports/theirs/feeds", {"add": ["returns"], "tag": page.tag("theirs")}, ANNA).status_code == 403


def test_a_copy_is_switched_off_and_a_rename_keeps_the_text(page: Page) -> None:
    assert page.post("/exports/mine/duplicate", {"new": "copy"}, ANNA).status_code == 201
    assert page.text("exports/copy.yaml") == MINE + "enabled: false\n"
    assert page.post("/exports/copy/rename", {"new": "other"}, ANNA).json()["tag"] == page.tag("other")
    assert not (page.include / "exports/copy.yaml").exists()
    assert page.post("/exports/other/rename", {"new": "mine"}, ANNA).status_code == 422
    assert page.post("/exports/nothing/rename", {"new": "x"}, ANNA).status_code == 404
    for action in ("duplicate", "rename"):
        assert page.post(f"/exports/theirs/{action}", {"new": "stolen"}, ANNA).status_code == 403


def test_schedules_of_some_change_and_the_others_say_why(page: Page) -> None:
    names = ["mine", "both", "theirs", "people", "lost", "mine"]
    wanted = {"exports": names, "schedule": {"daily": "07:30"}}
    found = page.post("/actions/schedule", wanted, ANNA).json()
    assert found["done"] == ["people"]  # the others deliver datasets, and need an end
    assert {one["name"]: one["why"].split(":")[0] for one in found["skipped"]} == {
        "mine": "the clock schedule of a dataset-export needs an end, and this one has neither `end` nor `start`",
        "both": "the clock schedule of a dataset-export needs an end, and this one has neither `end` nor `start`",
        "theirs": "anna may not schedule export",
        "lost": "no export is named `lost`",
    }
    assert 'schedule: {daily: "07:30"}' in page.text("exports/people.yaml")
    assert "# who spend" in page.text("exports/people.yaml")
    assert page.audit() == [
        ("anna", "schedule-export", "export theirs", "refused"),
        ("anna", "schedule-export", "export mine, export both", "failed"),
        ("anna", "schedule-export", "export people", "done"),
    ]


def test_schedules_are_kept_and_only_switched(page: Page) -> None:
    found = page.post("/actions/schedule", {"exports": ["mine", "both"], "keep": True, "enabled": False}, ANNA).json()
    assert found["done"] == ["mine", "both"]
    assert page.text("exports/mine.yaml") == MINE + "enabled: false\n"
    again = page.post("/actions/schedule", {"exports": ["mine"], "keep": True, "enabled": False}, ANNA).json()
    assert (again["done"], again["diff"]) == (["mine"], "")
    refused = page.post("/actions/schedule", {"exports": ["mine"], "keep": True, "enabled": False}, VERA).json()
    assert [one["name"] for one in refused["skipped"]] == ["mine"]
    assert page.post("/actions/schedule", {"exports": ["mine"]}, ANNA).status_code == 422


def test_a_selection_is_removed_in_an_order_that_works(page: Page) -> None:
    (page.include / "exports/next.yaml").write_text(EXPORT.format("own") + "schedule: {after: mine}\n")
    (page.include / "exports/last.yaml").write_text(EXPORT.format("others") + "schedule: {after: both}\n")
    page.world.changed()
    found = page.post("/actions/remove", {"exports": ["mine", "both", "next", "broken"]}, ANNA).json()
    assert found["done"] == ["mine", "next", "broken"]
    assert [(one["name"], one["problem"]["what"]) for one in found["skipped"]] == [
        ("both", "no export is named `both`")
    ]
    assert sorted(path.stem for path in (page.include / "exports").iterdir()) == ["both", "last", "people", "theirs"]
    assert "-datasets: [orders]" in found["diff"]
    assert page.get("/exports/mine").status_code == 404


def test_a_read_only_project_answers_with_a_patch(page: Page) -> None:
    (page.include / "project.yaml").write_text(FILES["project.yaml"] + "edits: read-only\n")
    tag = page.tag("mine")
    for answer in (
        page.put("/exports/mine", {"text": MINE + "retries: 3\n", "tag": tag}, ANNA),
        page.post("/actions/schedule", {"exports": ["mine"], "schedule": "off"}, ANNA),
        page.post("/exports", {"name": "new", "text": EXPORT.format("own")}, ANNA),
    ):
        assert answer.status_code == 409
        assert answer.json()["patch"].startswith("--- ")
    assert page.text("exports/mine.yaml") == MINE


def test_save_and_run(page: Page) -> None:
    page.rest.known = ["mine"]
    body = {"text": MINE + "retries: 3\n", "tag": page.tag("mine"), "run": True}
    saved = page.put("/exports/mine", body, ANNA).json()
    assert saved["run"].startswith("manual__")
    assert page.rest.started == ["dags/export__mine/dagRuns"]
    new = page.post("/exports", {"name": "new", "text": EXPORT.format("own"), "run": True}, ANNA).json()
    assert (new["run"], new["warnings"][0]["next"][:21]) == ("", "wait half a minute, b")
    assert page.text("exports/new.yaml") == EXPORT.format("own")
    assert ("anna", "run-export", "export mine", "done") in page.audit()


def test_a_text_that_may_contain_a_secret_is_never_shown(page: Page) -> None:
    secret = "AKIA" + "ABCDEFGH12345678"
    (page.include / "exports/mine.yaml").write_text(MINE + f"# {secret}\n")
    page.world.changed()
    shown = page.get("/exports/mine", ANNA).json()
    assert (shown["values"], shown["text"].startswith("# not shown")) == ({}, True)
    assert "Airflow connection" in shown["hidden"]["next"]
    answers = [
        page.put("/exports/mine", {"text": MINE, "tag": shown["tag"]}, ANNA),
        page.put("/exports/mine", {"text": MINE, "tag": "x"}, ANNA),
        page.post("/drafts/check", {"name": "mine", "text": MINE}, ANNA),
        page.post("/actions/schedule", {"exports": ["mine"], "schedule": "off"}, ANNA),
        page.post("/exports/mine/rename", {"new": "other", "tag": "x"}, ANNA),
        page.get("/exports"),
    ]
    assert [answer.status_code for answer in answers] == [409, 409, 200, 200, 409, 200]
    assert not [answer.text for answer in [*answers, page.get("/audit")] if secret in answer.text]
    assert page.post("/actions/remove", {"exports": ["mine"]}, ANNA).json()["done"] == ["mine"]


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2F..%2Fproject", "a" * 300, "nul%00", "mine.yaml", "<script>"])
def test_hostile_names_in_paths_find_nothing(page: Page, name: str) -> None:
    answers = [page.get(f"/exports/{name}"), page.put(f"/exports/{name}", {"text": MINE, "tag": "x"})]
    answers += [page.post(f"/exports/{name}/{action}", {"new": "x"}) for action in ("duplicate", "rename")]
    assert {answer.status_code for answer in answers} <= {404, 405}
    assert page.text("exports/mine.yaml") == MINE


def test_only_json_changes_something(page: Page) -> None:
    page.actor = ANNA
    body = '{"exports": ["mine"]}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        sent = page.client.post("/api/v1/actions/remove", content=body, headers={"Content-Type": kind})
        assert sent.status_code in (415, 422)
    assert page.text("exports/mine.yaml") == MINE


def test_large_requests_are_refused_unread(page: Page) -> None:
    body = {"name": "mine", "text": "x" * (10 << 20)}
    assert page.post("/drafts/check", body, ANNA).status_code == 413
    page.actor = ANNA
    sent = page.client.post("/api/v1/drafts/check", content=(b"x" * (1 << 16) for _ in range(32)))
    assert sent.status_code == 413


def test_exports_are_detached_and_attached(page: Page) -> None:
    found = page.post("/actions/detach", {"exports": ["mine", "people", "theirs", "broken"]}, ANNA).json()
    assert (found["done"], [one["name"] for one in found["skipped"]]) == (["mine", "people", "broken"], ["theirs"])
    assert "connection" not in page.text("exports/people.yaml")
    detail = page.get("/exports/mine", VERA).json()
    assert (detail["row"]["status"], detail["plan"], detail["errors"]) == ("detached", "", [])
    refused = page.post("/actions/attach", {"exports": ["mine"], "connection": "others"}, ANNA).json()
    assert [one["name"] for one in refused["skipped"]] == ["mine"]
    lost = page.post("/actions/attach", {"exports": ["mine"], "connection": "owm"}, ROOT).json()
    assert lost["skipped"][0]["problem"]["nearest"] == "own"
    assert page.post("/actions/attach", {"exports": ["mine"], "connection": "shared"}, ROOT).json()["done"] == ["mine"]
    assert page.get("/exports/mine").json()["row"]["connection"] == "shared"


def test_who_may_attach_a_detached_export_sees_that(page: Page) -> None:
    """A contributor may attach a detached export to a shared connection, and do nothing else with it."""
    text = EXPORT.replace("connection: {}\n", "")
    (page.include / "exports/free.yaml").write_text(text)
    page.world.changed()

    def seen(actor: pages.Actor) -> tuple[str, str, list[str], list[str]]:
        (row,) = page.get("/exports", actor, search="free").json()["rows"]
        found = page.get("/exports/free", actor).json()
        mine = [one["name"] for one in page.get("/exports", actor, mine=True).json()["rows"]]
        return row["may"], found["row"]["may"], found["may"], mine

    assert seen(ANNA) == ("edit", "edit", ["view-exports", "edit-export"], ["both", "free", "mine", "people"])
    assert seen(VERA) == ("view", "view", ["view-exports"], [])
    assert "remove-export" in seen(ROOT)[2]
    assert page.post("/exports/free/rename", {"new": "other"}, ANNA).status_code == 403
    refused = page.put("/exports/free", {"text": text + "retries: 3\n", "tag": page.tag("free")}, ANNA)
    assert refused.status_code == 403
    for connection, done in (("others", []), ("own", ["free"])):
        answer = page.post("/actions/attach", {"exports": ["free"], "connection": connection}, ANNA).json()
        assert answer["done"] == done
