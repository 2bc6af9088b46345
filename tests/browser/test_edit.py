"""Creating and editing exports, as a contributor: form, YAML, checks, preview, and edits that meet."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from sluice.airflow import runs
from sluice.airflow.names import dag_id
from tests.browser.airflow import PageAirflow
from tests.browser.conftest import Window, go, tick
from tests.browser.test_actions import text_of
from tests.integration.stack import until


def fill(page: Page, name: str) -> None:
    """Fill in the form of a new export of the segment `senior`."""
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_label("Connection").select_option("partner-drop")
    page.get_by_text("The members of segments").click()
    tick(page.get_by_role("checkbox", name=re.compile("^senior")))
    page.get_by_role("button", name=re.compile("Add all")).click()


def test_an_export_is_created_and_run(airflow: PageAirflow, window: Window) -> None:
    page = window("contributor", "/new")
    fill(page, "fresh")
    page.get_by_role("tab", name="Rows").click()
    page.get_by_role("button", name="Preview 20 rows").click()
    preview = page.get_by_role("table", name="Rows of senior")
    expect(preview.get_by_role("row")).to_have_count(21)
    page.get_by_role("tab", name="Files").click()
    expect(page.get_by_text("manifest-partner-drop-").first).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile("/e/fresh$"))
    assert "kind: segment-export" in text_of(airflow, "fresh")
    until("the new DAG", lambda: airflow.knows("fresh"))
    go(page, "/e/fresh/edit")
    page.get_by_label("Title").fill("Fresh ones")
    page.get_by_role("button", name="Save and run").click()
    until("its run", lambda: runs.last(airflow.rest, dag_id("fresh"), 1))
    [run] = runs.last(airflow.rest, dag_id("fresh"), 1)
    assert airflow.ended("fresh", run.run_id) == "success"
    assert "title: Fresh ones" in text_of(airflow, "fresh")


def test_member_counts_and_a_warning_over_the_limit(window: Window) -> None:
    page = window("admin", "/e/seniors/edit")
    expect(page.get_by_text("125 members")).to_be_visible()
    expect(page.get_by_text("90 % of the 400")).to_be_visible()
    page.get_by_label("Connection").select_option("ledger")
    expect(page.get_by_text("segment grown-up has 360 records")).to_be_visible()
    page.get_by_label("Segments over the limit").select_option("split")
    expect(page.get_by_text("it is split into 4, grown-up to grown-up-4")).to_be_visible()


def test_errors_of_a_draft_have_their_line_and_nothing_is_written(airflow: PageAirflow, window: Window) -> None:
    before = text_of(airflow, "adults")
    page = window("contributor", "/e/adults/edit")
    page.get_by_text("YAML", exact=True).click()
    editor = page.locator(".cm-content")
    editor.click()
    page.keyboard.press("ControlOrMeta+End")
    page.keyboard.type("\nsegmnets: [grown-up]")
    expect(page.get_by_text("`segmnets` is not a key").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"adults\.yaml:\d")).first).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_attribute("aria-disabled", "true")
    assert text_of(airflow, "adults") == before


def test_two_people_edit_the_same_export(airflow: PageAirflow, window: Window) -> None:
    first, second = window("contributor", "/e/adults/edit"), window("admin", "/e/adults/edit")
    for page, description in ((first, "mine"), (second, "theirs")):
        page.get_by_label("Description").fill(description)
        expect(page.get_by_role("button", name="Save", exact=True)).not_to_have_attribute("aria-disabled", "true")
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second).to_have_url(re.compile("/e/adults$"))
    first.get_by_role("button", name="Save", exact=True).click()
    dialog = first.get_by_role("dialog")
    expect(dialog.get_by_text("adults was changed in the meantime")).to_be_visible()
    expect(dialog.get_by_text("description: theirs").first).to_be_visible()
    expect(dialog.get_by_text("description: mine").first).to_be_visible()
    assert "description: theirs" in text_of(airflow, "adults")
    dialog.get_by_role("button", name="Take over my change").click()
    first.get_by_role("button", name="Save", exact=True).click()
    until("the change", lambda: "description: mine" in text_of(airflow, "adults"))


def test_leaving_with_unsaved_changes_asks(window: Window) -> None:
    page = window("contributor", "/e/seniors/edit")
    page.get_by_label("Description").fill("lost")
    page.get_by_role("link", name="Catalog").click()
    expect(page.get_by_text("Leave without saving?")).to_be_visible()
    page.get_by_role("alertdialog").get_by_role("button", name=re.compile("Cancel|Stay")).click()
    expect(page.get_by_label("Description")).to_have_value("lost")


def test_going_back_with_unsaved_changes_asks(window: Window) -> None:
    page = window("contributor", "/e/seniors")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Description").fill("lost")
    expect(page.get_by_role("button", name="Save", exact=True)).not_to_have_attribute("aria-disabled", "true")
    page.go_back()
    expect(page.get_by_text("Leave without saving?")).to_be_visible()
    page.get_by_role("alertdialog").get_by_role("button", name="Cancel").click()
    expect(page).to_have_url(re.compile("/e/seniors/edit$"))
    expect(page.get_by_label("Description")).to_have_value("lost")
    page.go_back()
    page.get_by_role("alertdialog").get_by_role("button", name="Leave").click()
    expect(page).to_have_url(re.compile("/e/seniors$"))


def test_read_only_declarations_give_a_patch(airflow: PageAirflow, window: Window) -> None:
    settings = (airflow.include / "project.yaml").read_text()
    before = text_of(airflow, "seniors")
    airflow.declare("project.yaml", settings + "edits: read-only\n")
    try:
        page = window("contributor", "/e/seniors/edit", fresh=True)
        page.get_by_label("Description").fill("elsewhere")
        page.get_by_role("button", name="Make a patch").click()
        page.get_by_text("The change", exact=True).first.click()
        expect(page.get_by_text("+description: elsewhere").first).to_be_visible()
        expect(page.get_by_role("button", name="Download the patch").first).to_be_visible()
        page.close()  # it would go on to take the declarations for read-only
    finally:
        airflow.declare("project.yaml", settings)
    assert text_of(airflow, "seniors") == before


def test_only_segments_that_the_target_takes_are_offered(window: Window) -> None:
    page = window("admin", "/new")
    page.get_by_label("Connection").select_option("accounts-only")
    page.get_by_text("The members of segments").click()
    expect(page.get_by_text("2 more cannot be delivered to this connection")).to_be_visible()
    expect(page.get_by_role("checkbox", name=re.compile("^senior"))).to_have_count(0)
