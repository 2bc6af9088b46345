"""What each role sees and may do."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sluice.airflow import runs
from sluice.airflow.names import dag_id
from sluice.definition.load import load
from tests.browser.airflow import PageAirflow
from tests.browser.conftest import Window, go, tick
from tests.browser.test_actions import act, select, shown, text_of
from tests.integration.stack import until

OFFERED = ("Run", "Schedule", "Duplicate", "Rename", "Detach", "Remove")
"""The actions on an export that has a connection and no unfinished or held run."""


@pytest.mark.parametrize(
    ("user", "export", "says"),
    [
        ("admin", "seniors", "Edit"),
        ("admin", "ledger_orders", "Edit"),
        ("contributor", "seniors", "Edit"),
        ("contributor", "ledger_orders", "View"),
        ("viewer", "seniors", "View"),
    ],
)
def test_what_each_role_may_do(user: str, export: str, says: str, window: Window) -> None:
    page = window(user)
    expect(shown(page, export, says)).to_be_visible()
    select(page, export)
    actions = page.get_by_role("group", name="Actions")
    for title in OFFERED:
        button = actions.get_by_role("button", name=title, exact=True)
        if says == "Edit":
            expect(button).not_to_have_attribute("aria-disabled", "true")
        else:
            expect(button).to_have_attribute("aria-disabled", "true")
            button.hover()
            expect(page.get_by_role("tooltip")).to_contain_text("administrator")


def delivered(airflow: PageAirflow, export: str) -> bool:
    """Whether the page's list has its last delivery: it is made again every two seconds."""
    [row] = airflow.rest.send("GET", f"/sluice/api/v1/exports?search={export}", None).json()["rows"]
    return bool(row["refreshed"])


def duplicate(page: Page, export: str, name: str) -> None:
    select(page, export)
    dialog = act(page, "Duplicate")
    dialog.get_by_label("Name of the copy").fill(name)
    dialog.get_by_role("button", name="Duplicate").click()
    expect(page).to_have_url(re.compile(f"/e/{name}$"))


def rename(page: Page, name: str) -> None:
    page.get_by_role("button", name="Rename").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("New name").fill(name)
    dialog.get_by_role("button", name="Rename").click()
    expect(page).to_have_url(re.compile(f"/e/{name}$"))


def add_and_remove_a_segment(page: Page, airflow: PageAirflow, export: str) -> None:
    page.get_by_role("button", name="Add segments").click()
    dialog = page.get_by_role("dialog")
    tick(dialog.get_by_role("checkbox", name=re.compile("^senior")))
    dialog.get_by_role("button", name="Add", exact=True).click()
    until("the feed", lambda: "senior" in text_of(airflow, export))
    tick(page.get_by_role("checkbox", name="Choose senior"))
    page.get_by_role("button", name="Remove segments").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
    until("the feed to go", lambda: "senior" not in text_of(airflow, export))


def schedule(page: Page, airflow: PageAirflow, export: str) -> None:
    page.get_by_role("button", name="Schedule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Schedule run").click()
    dialog.get_by_label("Recurrence").select_option("weekly")
    dialog.get_by_role("button", name="Save").click()
    until("the schedule", lambda: "weekly" in text_of(airflow, export))


def run(page: Page, airflow: PageAirflow, user: str, export: str) -> None:
    until("Airflow to know it and to let them see it", lambda: airflow.may(user, export))
    page.get_by_role("button", name="Run", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()
    expect(page).to_have_url(re.compile(f"/e/{export}/runs/"))
    [last] = runs.last(airflow.rest, dag_id(export), 1)
    assert airflow.ended(export, last.run_id) == "success"
    until("the page to know of its delivery", lambda: delivered(airflow, export))
    go(page, f"/e/{export}")


def detach(page: Page, airflow: PageAirflow, export: str) -> None:
    page.get_by_role("button", name="Detach").click()
    page.locator("[role=dialog], [role=alertdialog]").last.get_by_role("button", name="Detach").click()
    until("it to be detached", lambda: "connection:" not in text_of(airflow, export))


def attach(page: Page, airflow: PageAirflow, export: str) -> None:
    page.get_by_role("button", name="Attach").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Connection").select_option("partner-drop")
    dialog.get_by_role("button", name="Attach").click()
    until("it to be attached", lambda: export in load(airflow.include).project.exports)


def remove(page: Page, airflow: PageAirflow, export: str) -> None:
    page.get_by_role("button", name="Remove", exact=True).click()
    dialog = page.get_by_role("alertdialog")
    dialog.get_by_role("textbox").fill(export)
    dialog.get_by_role("button", name="Remove", exact=True).click()
    until("it to be removed", lambda: export not in load(airflow.include).project.detached)


@pytest.mark.parametrize("user", ["admin", "contributor"])
def test_each_action_as_a_role_that_may(user: str, airflow: PageAirflow, window: Window) -> None:
    first, second = f"{user}_first", f"{user}_second"
    page = window(user)
    duplicate(page, "adults", first)
    rename(page, second)
    assert {first, second} & load(airflow.include).project.exports.keys() == {second}
    add_and_remove_a_segment(page, airflow, second)
    schedule(page, airflow, second)
    run(page, airflow, user, second)
    detach(page, airflow, second)
    if user == "admin":
        remove(page, airflow, second)
    else:
        button = page.get_by_role("button", name="Remove", exact=True)
        expect(button).to_have_attribute("aria-disabled", "true")
        attach(page, airflow, second)


def test_only_administrators_see_the_activity(window: Window) -> None:
    page = window("viewer")
    expect(page.get_by_role("link", name="Catalog")).to_be_visible()
    expect(page.get_by_role("link", name="Activity")).to_have_count(0)
    page = window("admin", "/activity")
    expect(
        page.get_by_text("schedule-export")
        .or_(page.get_by_text("duplicate-export"))
        .or_(page.get_by_text("admin"))
        .first
    ).to_be_visible()


def test_someone_without_a_role_sees_nothing(window: Window) -> None:
    page = window("nobody")
    expect(page.get_by_text("Seniors for the mailing")).to_have_count(0)
