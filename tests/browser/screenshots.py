"""`make screenshots`: pictures of the Exports page, from a real Airflow, into `docs/assets/`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright

from sluice.airflow import runs
from sluice.airflow.names import dag_id
from sluice.airflow.runs import Run
from tests.browser.airflow import PageAirflow
from tests.browser.conftest import CHROMIUM, PATIENCE
from tests.browser.test_import import EXPORT, choose, file
from tests.unit.workbench.samples import MMP

FOLDER = Path(__file__).parents[2] / "docs" / "assets"
PICTURES = {
    "list": ("", "Seniors for the mailing"),
    "history": ("/e/adults/history", "Runs ("),
    "overview": ("/e/seniors", "Declaration"),
    "edit": ("/e/seniors/edit", "Save"),
    "system": ("/system", "In order"),
    "catalog": ("/catalog", "customers"),
    "connections": ("/connections", "Partner drop"),
}
"""By the file's name: the path of the page, and a text that it shows when it is ready."""


def main() -> int:
    """Make all pictures. Returns 0."""
    with TemporaryDirectory() as folder, running(Path(folder)) as airflow, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for export in ("adults", "adults", "ledger_orders", "too_few"):
            airflow.run(export)
        page = opened(airflow, browser)
        for name, (path, text) in PICTURES.items():
            shoot(page, airflow, name, path, text)
        progress(airflow, page)
        imported(airflow, page)
        page.goto(f"{airflow.url}/plugin/exports")
        page.get_by_role("button", name="misspelt").click()
        page.get_by_text("partner-dorp").first.wait_for()
        save(page, "error")
        shoot(opened(airflow, browser, dark=True), airflow, "dark", "", "Seniors for the mailing")
        browser.close()
    return 0


@contextmanager
def running(folder: Path) -> Iterator[PageAirflow]:
    airflow = PageAirflow(folder)
    airflow.start()
    try:
        yield airflow
    finally:
        airflow.stop()


def opened(airflow: PageAirflow, browser: Browser, *, dark: bool = False) -> Page:
    context = browser.new_context(
        viewport={"width": 1440, "height": 860}, color_scheme="dark" if dark else "light", timezone_id="Europe/Berlin"
    )
    context.set_default_timeout(PATIENCE)
    host = urlsplit(airflow.url).hostname or ""
    context.add_cookies([{"name": "_token", "value": airflow.token("admin"), "domain": host, "path": "/"}])
    return context.new_page()


def shoot(page: Page, airflow: PageAirflow, name: str, path: str, text: str) -> None:
    page.goto(f"{airflow.url}/plugin/exports{path}")
    page.get_by_text(text).first.wait_for()
    save(page, name)


def progress(airflow: PageAirflow, page: Page) -> None:
    """A run that sends, and is cancelled afterwards."""
    run = runs.trigger(airflow.rest, dag_id("endless"))
    page.goto(f"{airflow.url}/plugin/exports/e/endless/runs/{run.run_id}")
    page.get_by_text("records/s").first.wait_for(timeout=PATIENCE * 5)
    save(page, "progress")
    airflow.rest.patch(Run(dag_id("endless"), run.run_id).path, {"state": "failed"})


def imported(airflow: PageAirflow, page: Page) -> None:
    """What files of Data Workbench would become."""
    page.goto(f"{airflow.url}/plugin/exports")
    start = page.get_by_role("button", name="Import from Data Workbench")
    expect(start).to_be_enabled()
    start.click()
    choose(page, file("User.export", EXPORT), file("MMPExport.cfg", MMP))
    page.get_by_role("button", name="Check the files").click()
    page.get_by_text("1 export: user.").wait_for()
    save(page, "import")


def save(page: Page, name: str) -> None:
    page.wait_for_timeout(1500)  # what moves has come to rest
    page.screenshot(path=FOLDER / f"exports-{name}.png")
    print(f"docs/assets/exports-{name}.png")


if __name__ == "__main__":
    sys.exit(main())
