"""The Exports page with ten thousand exports, in a browser: scrolled, sorted and searched. Prints its figures, which
docs/exports-page.md repeats. Some minutes on two cores."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from local.ports import LOOPBACK, free_port
from local.process import Process
from tests.browser.airflow import PageAirflow
from tests.integration.stack import until

EXPORTS = int(os.environ.get("EXPORTS", "10000"))
EXPORT = """\
title: Number {number}
kind: segment-export
connection: partner-drop
segments: [senior]
fields: [id, email]
schedule: {{daily: "{hour:02d}:{minute:02d}"}}
"""
PATIENCE = 600_000
SCROLL = """
async ([steps, height]) => {
    const table = document.querySelector("table[aria-label=Exports]");
    let scroller = table.parentElement;
    while (scroller.scrollHeight <= scroller.clientHeight + 1) scroller = scroller.parentElement;
    const frame = () => new Promise(requestAnimationFrame);
    const times = [];
    let most = 0;
    for (let step = 1; step <= steps; step += 1) {
        const began = performance.now();
        scroller.scrollTop = step * height;
        await frame();
        await frame();
        times.push((performance.now() - began) / 2);
        most = Math.max(most, table.querySelectorAll("tbody tr").length);
    }
    scroller.scrollTop = scroller.scrollHeight;
    times.sort((a, b) => a - b);
    return { most, median: times[times.length >> 1], slowest: times[Math.floor(times.length * 0.99)] };
}
"""
"""Scrolls page by page, and returns the milliseconds of a frame and the most rows that were drawn."""


SHOWN = "name => document.querySelector(`table[aria-label=Exports] input[aria-label='Select ${name}']`)"
"""Looked at before each frame: an expectation of Playwright's looks once a second."""


@pytest.fixture
def many(airflow: PageAirflow, tmp_path: Path) -> Iterator[str]:
    """The address of another API server of the same Airflow, which reads ten thousand declarations."""
    include = tmp_path / "include"
    shutil.copytree(airflow.include, include)
    for number in range(EXPORTS):
        text = EXPORT.format(number=number, hour=number % 24, minute=number % 60)
        (include / "exports" / f"many_{number:05d}.yaml").write_text(text)
    port = free_port(0)
    url = f"http://{LOOPBACK}:{port}"
    own = {"SLUICE_INCLUDE": str(include), "AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": url}
    own["SLUICE_CACHE"] = str(tmp_path / "cache")
    server = Process.start(
        "many",
        [sys.executable, "-m", "airflow", "api-server"],
        run=tmp_path / "run",
        logs=tmp_path / "logs",
        env=os.environ | airflow.airflow.environment() | own,
    )
    try:
        yield url
    finally:
        server.stop()


@pytest.fixture
def page(many: str, airflow: PageAirflow, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=many, viewport={"width": 1400, "height": 900})
    host = urlsplit(many).hostname or ""
    context.add_cookies([{"name": "_token", "value": airflow.token("contributor"), "domain": host, "path": "/"}])
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def test_ten_thousand_exports_are_scrolled_sorted_and_searched(
    many: str, page: Page, record_property: Callable[[str, object], None]
) -> None:
    def timed(act: str, name: str, do: Callable[[], object] = bool) -> str:
        began = time.monotonic()
        do()
        page.wait_for_function(SHOWN, arg=name, timeout=PATIENCE)
        return f"{act} {time.monotonic() - began:.2f} s"

    until("the API server to answer", lambda: _answers(page, many), 600)
    told = [timed("first list, all declarations read", "adults", lambda: page.goto("/plugin/exports"))]
    told.append(timed("list", "adults", page.reload))
    height = 44
    seen = page.evaluate(SCROLL, [200, 10 * height])
    assert seen["most"] < 100, "only the rows in view are drawn"
    told.append(f"a frame {seen['median']:.0f} ms, the slowest of a hundred {seen['slowest']:.0f} ms")
    told.append(timed("its end", "too_few"))
    name = page.get_by_role("columnheader", name="Name", exact=True).get_by_role("button")
    told.append(timed("sorted", "too_few", name.click))
    expect(page).to_have_url(re.compile("sort=-name"))
    wanted, search = f"many_{EXPORTS // 2:05d}", page.get_by_role("searchbox", name="Search exports")
    told.append(timed("searched", wanted, lambda: search.fill(wanted)))
    expect(page.get_by_role("checkbox", name=re.compile("^Select many_"))).to_have_count(1)
    record_property("told", f"{EXPORTS:,} exports in Chromium: {'; '.join(told)}")


def _answers(page: Page, url: str) -> bool:
    try:
        return page.request.get(f"{url}/api/v2/monitor/health").ok
    except Exception:  # it has not started
        return False
