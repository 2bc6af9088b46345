"""One Airflow and one Chromium for all of these tests, and a window for each user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.browser.airflow import PageAirflow

CHROMIUM = "/usr/bin/chromium"
PATIENCE = 120_000
"""Milliseconds that a step in the browser may take on a slow machine."""
Window = Callable[..., Page]
expect.set_options(timeout=PATIENCE)


def tick(box: Locator) -> None:
    """Tick a checkbox as the keyboard does: its input has no size, and may lie outside the view."""
    box.press("Space")
    expect(box).to_be_checked()


@pytest.fixture(scope="package")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageAirflow]:
    airflow = PageAirflow(tmp_path_factory.mktemp("page"))
    airflow.start()
    try:
        yield airflow
    finally:
        airflow.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def window(airflow: PageAirflow, browser: Browser) -> Iterator[Window]:
    """Opens the page as a user: `window("viewer", "/e/seniors")`. Fails the test if the page reports an error in the
    console."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_window(user: str, path: str = "", **options: object) -> Page:
        context = browser.new_context(base_url=airflow.url, viewport={"width": 1400, "height": 900}, **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.add_cookies(
            [
                {
                    "name": "_token",
                    "value": airflow.token(user),
                    "domain": urlsplit(airflow.url).hostname or "",
                    "path": "/",
                }
            ]
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"/plugin/exports{path}")
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert not complaints
