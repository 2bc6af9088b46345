"""Care: what a screen reader finds, both themes, narrow screens, the keyboard, an Airflow that is down."""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Window, go

PARTS = {
    "": "Seniors for the mailing",
    "/e/seniors": "Declaration",
    "/e/seniors/history": "History",
    "/e/seniors/edit": "Save",
    "/new": "Save",
    "/system": "In order",
    "/catalog": "customers",
    "/connections": "Partner drop",
    "/usage": "By connection",
    "/activity": "Activity",
}


def findings(page: Page) -> list[str]:
    """What axe-core finds in the page. What is around it is Airflow's."""
    found: dict[str, Any] = Axe().run(page, context="#sluice-page").response
    return [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(scheme: str, window: Window) -> None:
    page = window("admin", color_scheme=scheme)
    page.evaluate(f"localStorage.setItem('theme', '{scheme}')")
    for path, text in PARTS.items():
        go(page, path)
        expect(page.get_by_text(text).first).to_be_visible()
        assert findings(page) == [], path


@pytest.mark.parametrize(("scheme", "file"), [("light", "exports.svg"), ("dark", "exports-dark.svg")])
def test_airflows_navigation_shows_the_icon(scheme: str, file: str, window: Window) -> None:
    page = window("admin", color_scheme=scheme)
    page.evaluate(f"localStorage.setItem('theme', '{scheme}')")
    page.reload()
    icon = page.locator(f"img[src$='sluice/static/{file}']")
    expect(icon).to_be_visible()
    assert icon.evaluate("async (image) => { await image.decode(); return image.naturalWidth }")


def test_narrow_screens_do_not_scroll_sideways(window: Window) -> None:
    page = window("viewer")
    page.set_viewport_size({"width": 375, "height": 800})
    for path, text in PARTS.items():
        if path == "/activity":
            continue
        go(page, path)
        expect(page.get_by_text(text).first).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path


def test_the_list_works_by_keyboard(window: Window) -> None:
    page = window("viewer")
    expect(page.get_by_text("Seniors for the mailing").first).to_be_visible()
    page.get_by_role("searchbox", name="Search exports").focus()
    page.keyboard.type("mailing")
    expect(page.get_by_role("checkbox", name="Select adults")).to_have_count(0)
    page.get_by_role("link", name="seniors", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Declaration").first).to_be_visible()


@pytest.mark.parametrize(
    ("verb", "read", "then"),
    [
        ("Import from Data Workbench", "import/workbench", "At most 100 exports"),
        ("Schedule", "exports/seniors", "Schedule run"),
    ],
)
def test_the_focus_goes_back_from_a_dialog_that_was_read_late(window: Window, verb: str, read: str, then: str) -> None:
    page = window("admin", animated=True)
    page.get_by_role("checkbox", name="Select seniors", exact=True).check()
    held: list[Route] = []
    page.route(f"**/sluice/api/v1/{read}", lambda route: held.append(route))
    opener = page.get_by_role("group", name="Actions").get_by_role("button", name=verb, exact=True)
    opener.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Loading").first).to_be_visible()
    expect(dialog.locator(":focus")).to_have_count(1)
    for route in held:
        route.continue_()
    page.unroute(f"**/sluice/api/v1/{read}")
    expect(dialog.get_by_text(then).first).to_be_visible()
    expect(dialog.locator(":focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()


def test_an_airflow_that_does_not_answer_and_a_login_that_expired(window: Window) -> None:
    page = window("viewer")
    expect(page.get_by_text("Seniors for the mailing").first).to_be_visible()
    page.route("**/sluice/api/**", lambda route: route.abort())
    expect(page.get_by_text("Airflow does not answer").first).to_be_visible()
    expect(page.get_by_text("Seniors for the mailing").first).to_be_visible()
    page.unroute("**/sluice/api/**")
    expect(page.get_by_text("Airflow does not answer")).to_have_count(0)
    expired = json.dumps({"what": "not logged in", "page": "", "next": ""})
    page.route(
        "**/sluice/api/**", lambda route: route.fulfill(status=401, body=expired, content_type="application/json")
    )
    expect(page.get_by_text("Log in again").first).to_be_visible()
