"""Actions on one export and on several, as a contributor."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from sluice.airflow import runs
from sluice.airflow.names import dag_id
from sluice.definition.load import load
from tests.browser.airflow import PageAirflow
from tests.browser.conftest import Window
from tests.integration.stack import until


def select(page: Page, *exports: str) -> None:
    for export in exports:
        page.get_by_role("checkbox", name=f"Select {export}", exact=True).check()


def act(page: Page, verb: str) -> Locator:
    """Press a button of the toolbar. Returns the dialog that it opens."""
    page.get_by_role("group", name="Actions").get_by_role("button", name=verb, exact=True).click()
    return page.locator("[role=dialog], [role=alertdialog]").last


def row(page: Page, export: str) -> Locator:
    box = page.get_by_role("checkbox", name=f"Select {export}", exact=True)
    return page.get_by_role("row").filter(has=box)


def shown(page: Page, export: str, text: str) -> Locator:
    """A text in the row of an export. Some texts stand twice, once for narrow screens."""
    return row(page, export).get_by_text(text).filter(visible=True).first


def text_of(airflow: PageAirflow, export: str) -> str:
    return (airflow.include / "exports" / f"{export}.yaml").read_text()


def test_a_run_from_the_list_to_its_end(airflow: PageAirflow, window: Window) -> None:
    page = window("contributor")
    select(page, "adults")
    dialog = act(page, "Run")
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("1 export started").first).to_be_visible()
    expect(shown(page, "adults", "successful")).to_be_visible(timeout=600_000)
    expect(shown(page, "adults", "360")).to_be_visible()
    expect(row(page, "adults").get_by_text("never")).to_have_count(0)


def test_run_all_leaves_out_what_has_no_active_schedule(airflow: PageAirflow, window: Window) -> None:
    page = window("contributor")
    dialog = act(page, "Run all")
    dialog.get_by_role("button", name="Run all", exact=True).click()
    until("its run", lambda: runs.last(airflow.rest, dag_id("seniors"), 1))
    assert not runs.last(airflow.rest, dag_id("ledger_orders"), 1)
    assert not runs.last(airflow.rest, dag_id("orders_daily"), 1)
    [run] = runs.last(airflow.rest, dag_id("seniors"), 1)
    assert airflow.ended("seniors", run.run_id) == "success"


def test_several_schedules_are_kept_or_replaced(airflow: PageAirflow, window: Window) -> None:
    page = window("contributor")
    select(page, "seniors", "orders_daily")
    dialog = act(page, "Schedule")
    dialog.get_by_text("Keep individual schedules").click()
    dialog.get_by_text("Schedule run").click()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text(re.compile("switched off")).first).to_be_visible()
    assert "enabled: false" in text_of(airflow, "seniors")
    assert '"06:00"' in text_of(airflow, "seniors")
    expect(shown(page, "seniors", "off")).to_be_visible()
    dialog = act(page, "Schedule")
    dialog.get_by_text("Define new schedule for all selected exports").click()
    dialog.get_by_label("Recurrence").select_option("weekly")
    dialog.get_by_label("End").fill("2099-12-31")  # exports of datasets need one
    dialog.get_by_role("button", name="Save").click()
    for export in ("seniors", "orders_daily"):
        until(f"the new schedule of {export}", lambda export=export: "weekly" in text_of(airflow, export))
    assert "# Who is 65 or older" in text_of(airflow, "seniors"), "comments stay"


def test_one_schedule_shows_its_next_runs(airflow: PageAirflow, window: Window) -> None:
    page = window("contributor")
    select(page, "seniors")
    dialog = act(page, "Schedule")
    switch = dialog.get_by_role("checkbox", name="Schedule run")
    if not switch.is_checked():
        dialog.get_by_text("Schedule run").click()
    dialog.get_by_label("Recurrence").select_option("daily")
    expect(dialog.get_by_text("The next runs, in your time zone:")).to_be_visible()
    expect(dialog.get_by_role("listitem")).to_have_count(5)
    dialog.get_by_label("Recurrence").select_option("from-start")
    dialog.get_by_label("Start", exact=True).fill("2026-08-06 12:01 America/New_York")
    expect(dialog.get_by_text("every week, counted from 2026-08-06 12:01 America/New_York")).to_be_visible()
    dialog.get_by_label("End", exact=True).fill("2099-12-31")
    dialog.get_by_role("button", name="Save").click()
    until("the schedule that is counted from its start", lambda: "every: week" in text_of(airflow, "seniors"))
    expect(dialog).to_have_count(0)
    dialog = act(page, "Schedule")
    expect(dialog.get_by_label("Recurrence")).to_have_value("from-start")
    expect(dialog.get_by_label("Interval")).to_have_value("week")


def test_a_duplicate_is_switched_off(airflow: PageAirflow, window: Window) -> None:
    page = window("contributor")
    select(page, "seniors")
    dialog = act(page, "Duplicate")
    dialog.get_by_label("Name of the copy").fill("seniors_again")
    dialog.get_by_role("button", name="Duplicate").click()
    expect(page).to_have_url(re.compile("/e/seniors_again"))
    assert "enabled: false" in text_of(airflow, "seniors_again")


def test_a_name_that_exists_is_refused_and_nothing_is_written(airflow: PageAirflow, window: Window) -> None:
    page = window("contributor")
    before = text_of(airflow, "adults")
    select(page, "seniors")
    dialog = act(page, "Duplicate")
    dialog.get_by_label("Name of the copy").fill("adults")
    dialog.get_by_role("button", name="Duplicate").click()
    expect(dialog.get_by_text("another export is already named `adults`").first).to_be_visible()
    assert text_of(airflow, "adults") == before


def test_detach_and_attach(airflow: PageAirflow, window: Window) -> None:
    page = window("contributor")
    select(page, "too_few")
    act(page, "Detach").get_by_role("button", name="Detach").click()
    expect(shown(page, "too_few", "No connection")).to_be_visible()
    expect(shown(page, "too_few", "detached")).to_be_visible()
    assert "connection:" not in text_of(airflow, "too_few")
    dialog = act(page, "Attach")
    dialog.get_by_label("Connection").select_option("partner-drop")
    dialog.get_by_role("button", name="Attach").click()
    expect(shown(page, "too_few", "Partner drop")).to_be_visible()
    assert "connection: partner-drop" in text_of(airflow, "too_few")


def test_remove_asks_and_removes(airflow: PageAirflow, window: Window) -> None:
    airflow.declare("exports/short_lived.yaml", text_of(airflow, "too_few"))
    page = window("contributor")
    select(page, "short_lived")
    dialog = act(page, "Remove")
    expect(dialog.get_by_text("Its deliveries stay.")).to_be_visible()
    dialog.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("checkbox", name="Select short_lived")).to_have_count(0)
    until("its declaration to go", lambda: "short_lived" not in load(airflow.include).project.exports)


def test_a_held_run_is_released(airflow: PageAirflow, window: Window) -> None:
    airflow.run("too_few")
    page = window("contributor")
    expect(shown(page, "too_few", "held")).to_be_visible()
    select(page, "too_few")
    dialog = act(page, "Release")
    expect(dialog.get_by_text("1,000,000").first).to_be_visible()
    dialog.get_by_role("button", name="Release and deliver").click()
    expect(shown(page, "too_few", "successful")).to_be_visible(timeout=600_000)


def test_an_export_that_was_deleted_in_another_tab(airflow: PageAirflow, window: Window) -> None:
    file = airflow.declare("exports/fleeting.yaml", text_of(airflow, "too_few"))
    page = window("contributor")
    select(page, "fleeting")
    dialog = act(page, "Detach")
    file.unlink()
    dialog.get_by_role("button", name="Detach").click()
    expect(page.get_by_text("fleeting").last).to_be_visible()
    expect(page.get_by_text(re.compile("1 skipped|no export is named")).first).to_be_visible()
