"""One Airflow and one Chromium for all of these tests, and a window for each user."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.browser.airflow import PageAirflow

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium") or "chromium-headless-shell"
"""Without a window, it takes a fifth less of the processor. `make servers` installs it."""
PATIENCE = 120_000
"""Milliseconds that a step in the browser may take on a slow machine."""
SIZE: ViewportSize = {"width": 1400, "height": 900}
STILL = """
addEventListener("DOMContentLoaded", () => {
  const style = document.createElement("style");
  style.textContent = "*, *::before, *::after { animation: none !important; transition: none !important }";
  document.head.append(style);
});
"""
"""Without a graphics card, what moves takes a third of the browser's time."""
AT, NOWHERE, NOTHING = "/plugin/exports", "/nowhere", "There is nothing here"
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


def go(page: Page, path: str) -> None:
    """Show another part of the page, as its own links do. To load Airflow's UI takes ten times as long, so what a test
    does not say about loading, it does without."""
    leave(page)  # what the former part shows must not be taken for the next one's
    _show(page, path)
    expect(page.get_by_text(NOTHING)).to_have_count(0)


def leave(page: Page) -> None:
    """Show a part that does not exist: it asks Airflow for nothing. What the page has begun may lead it elsewhere once
    more, such as to the list after an import."""
    for _ in range(PATIENCE // 50):
        if not page.url.endswith(NOWHERE):
            _show(page, NOWHERE)
        if page.get_by_text(NOTHING).is_visible():
            return
        page.wait_for_timeout(50)
    pytest.fail(f"the page stays at {page.url}")


def _show(page: Page, path: str) -> None:
    page.evaluate("at => { history.pushState({}, '', at); dispatchEvent(new PopStateEvent('popstate')) }", AT + path)


class Windows:
    """The windows of each user. One that a test has left is given to the next."""

    def __init__(self, airflow: PageAirflow, browser: Browser) -> None:
        self._airflow, self._browser = airflow, browser
        self._free: dict[str, list[Page]] = {}
        self._contexts: dict[str, BrowserContext] = {}
        self._changes: dict[Page, set[Request]] = {}

    def open(self, user: str, path: str, options: dict[str, Any], *, fresh: bool) -> tuple[str, Page]:
        """A window of the user that shows a part of the page, and by which key it is given back."""
        key = f"{user} {options}"
        if key not in self._contexts:
            self._contexts[key] = self._context(user, **options)
        free = self._free.setdefault(key, [])
        page, fresh = (free.pop(), fresh) if free else (self._new(key), True)
        if fresh:
            page.goto(f"{AT}{path}")
        else:
            go(page, path)
        return key, page

    def give_back(self, key: str, page: Page) -> None:
        """As it was: the next test finds no chosen columns, no theme, no answers that are held back. A window that the
        test has closed is gone, and so is that of somebody who may not see the page."""
        if page.is_closed() or not page.locator("#sluice-page").count():
            page.close()
            return
        page.unroute_all(behavior="ignoreErrors")
        self._await_changes(page)
        page.evaluate("localStorage.clear()")
        page.set_viewport_size(SIZE)
        leave(page)
        self._free[key].append(page)

    def _new(self, key: str) -> Page:
        page = self._contexts[key].new_page()
        changes: set[Request] = set()

        def begin(request: Request) -> None:
            if request.method != "GET":
                changes.add(request)

        def end(request: Request) -> None:
            changes.discard(request)

        page.on("request", begin)
        page.on("requestfinished", end)
        page.on("requestfailed", end)
        self._changes[page] = changes
        return page

    def _await_changes(self, page: Page) -> None:
        """A test may end before what it has saved is answered, and the answer leads to another part of the page."""
        for _ in range(PATIENCE // 20):
            if not self._changes[page]:
                return
            page.wait_for_timeout(20)
        pytest.fail(f"no answer to {self._changes[page]}")

    def _context(self, user: str, *, animated: bool = False, **options: Any) -> BrowserContext:
        context = self._browser.new_context(base_url=self._airflow.url, viewport=SIZE, **options)
        if not animated:
            context.add_init_script(STILL)
        host = urlsplit(self._airflow.url).hostname or ""
        context.add_cookies([{"name": "_token", "value": self._airflow.token(user), "domain": host, "path": "/"}])
        context.set_default_timeout(PATIENCE)
        return context


@pytest.fixture(scope="package")
def windows(airflow: PageAirflow, browser: Browser) -> Windows:
    return Windows(airflow, browser)


@pytest.fixture
def window(windows: Windows) -> Iterator[Window]:
    """Opens the page as a user: `window("viewer", "/e/seniors")`. A `fresh` one is loaded, and has shown nothing yet.
    Where something moves, an `animated` one shows it, and the others its end. Fails the test if the page reports an
    error in the console."""
    opened: list[tuple[str, Page]] = []
    complaints: list[str] = []

    def complain(error: Error) -> None:
        complaints.append(str(error))

    def open_window(user: str, path: str = "", *, fresh: bool = False, **options: object) -> Page:
        key, page = windows.open(user, path, options, fresh=fresh)
        opened.append((key, page))
        page.on("pageerror", complain)
        return page

    yield open_window
    for key, page in opened:
        page.remove_listener("pageerror", complain)
        windows.give_back(key, page)
    assert not complaints
