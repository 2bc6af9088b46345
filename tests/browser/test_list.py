"""The list of exports."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Window, go

COLUMNS = ("Name", "Kind", "Connection", "Status", "Refreshed", "Schedule", "Next run", "Records", "Your permissions")


def names(page: Page) -> list[str]:
    """The names in the list, from top to bottom."""
    expect(page.get_by_role("checkbox", name=re.compile("^Select [a-z_]+$")).first).to_be_visible()
    boxes = page.get_by_role("checkbox", name=re.compile("^Select [a-z_]+$")).all()
    return [str(box.get_attribute("aria-label")).removeprefix("Select ") for box in boxes]


def test_the_list_shows_every_export_and_a_broken_one_with_its_page(window: Window) -> None:
    page = window("viewer")
    for column in COLUMNS:
        expect(page.get_by_role("columnheader", name=column, exact=True)).to_be_visible()
    expect(page.get_by_text("Seniors for the mailing").first).to_be_visible()
    row = page.get_by_role("row").filter(has=page.get_by_role("checkbox", name="Select misspelt"))
    expect(row.get_by_text("broken", exact=True).filter(visible=True).first).to_be_visible()
    row.get_by_role("button", name="misspelt").click()
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("no connection is named `partner-dorp`").first).to_be_visible()
    expect(drawer.get_by_text("misspelt.yaml:3").first).to_be_visible()


EMPTY_FRAMES = """
window.empty = 0;
const look = () => {
    const table = document.querySelector("table[aria-label=Exports]");
    if (table && !table.querySelector("tbody tr[aria-rowindex]")) window.empty += 1;
    requestAnimationFrame(look);
};
look();
"""
"""Counts the frames that show the table without its rows."""


def test_the_table_is_drawn_with_its_rows(window: Window) -> None:
    page = window("viewer", "/catalog")
    page.add_init_script(EMPTY_FRAMES)
    page.goto("/plugin/exports")
    assert "adults" in names(page)
    assert page.evaluate("window.empty") < 5


def test_sort_search_and_filter_live_in_the_address(window: Window) -> None:
    page = window("viewer")
    everything = names(page)
    assert everything == sorted(everything)
    page.get_by_role("columnheader", name="Name", exact=True).get_by_role("button").click()
    expect(page).to_have_url(re.compile("sort=-name"))
    expect(page.get_by_role("columnheader", name="Name", exact=True)).to_have_attribute("aria-sort", "descending")
    page.get_by_role("searchbox", name="Search exports").fill("mailing")
    expect(page).to_have_url(re.compile("search=mailing"))
    expect(page.get_by_role("checkbox", name="Select adults")).to_have_count(0)
    assert set(names(page)) <= {"seniors", "seniors_again"}
    page.reload()
    expect(page.get_by_role("searchbox", name="Search exports")).to_have_value("mailing")
    assert "seniors" in names(page)
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("checkbox", name="Select adults")).to_be_visible()
    page.get_by_role("button", name="Status").first.click()
    page.get_by_role("menuitemcheckbox", name=re.compile("broken")).click()
    expect(page.get_by_role("checkbox", name="Select adults")).to_have_count(0)
    assert names(page) == ["misspelt"]


def test_only_exports_that_one_may_edit(window: Window) -> None:
    page = window("contributor")
    expect(page.get_by_role("checkbox", name="Select ledger_orders")).to_be_visible()
    page.get_by_text("Those I may edit").click()
    expect(page).to_have_url(re.compile("mine"))
    expect(page.get_by_role("checkbox", name="Select ledger_orders")).to_have_count(0)
    assert "seniors" in names(page)


def test_columns_are_chosen(window: Window) -> None:
    page = window("viewer")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("menuitemcheckbox", name="Kind").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name="Kind", exact=True)).to_have_count(0)


def test_a_title_is_shown_and_never_run(airflow: object, window: Window) -> None:
    """The title of the export `adults` is text, whatever it looks like."""
    page = window("admin", "/e/adults/edit")
    page.on("dialog", lambda dialog: dialog.dismiss())
    text = "<script>alert(1)</script>"
    page.evaluate(
        """async (title) => {
            const url = (path) => new URL(`sluice/api/v1/${path}`, document.baseURI);
            const old = await (await fetch(url("exports/adults"))).json();
            const body = {text: old.text.replace("title: Adults", `title: "${title}"`), tag: old.tag};
            const answer = await fetch(url("exports/adults"), {
                method: "PUT", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
            const said = await answer.text();  // a request has not ended before its answer is read
            if (!answer.ok) throw new Error(said);
        }""",
        text,
    )
    go(page, "")
    expect(page.get_by_text(text)).to_be_visible()
    assert page.evaluate("document.querySelectorAll('script').length") == page.evaluate(
        "[...document.querySelectorAll('script')].filter((one) => !one.textContent.includes('alert(1)')).length"
    )
