"""The import of files of Data Workbench, as an administrator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypedDict

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from sluice.definition.load import load
from tests.browser.airflow import PageAirflow
from tests.browser.conftest import Window
from tests.unit.workbench.samples import MMP, SECRETS

EXPORT = r"""Query = SegmentExportQuery:
  Command = string: ExportIntegration.exe
  Command Arguments = string: \"%file%.cfg\" \"%file%\"
  Filter = string:
  Level = string: Customers
  MMP Configuration = MMPConfiguration:
    MMP Segment Name = string: 12345
    MMP Visitor ID Field = string: id
  Output Fields = vector: 2 items
    0 = ColumnDefinition:
      Column Name = string: Größe
      Field Name = string: id
    1 = ColumnDefinition:
      Field Name = string: email
  Output Format = string: csv
  Schedule Every = string:
"""


class File(TypedDict):
    """A file as the browser is given it."""

    name: str
    mimeType: str
    buffer: bytes


@pytest.fixture(autouse=True)
def as_before(airflow: PageAirflow) -> Iterator[None]:
    """The declarations are afterwards as they were: other tests count them."""
    before = {path: path.read_bytes() for path in airflow.include.rglob("*.yaml")}
    yield
    for path in airflow.include.rglob("*.yaml"):
        if path not in before:
            path.unlink()
    for path, text in before.items():
        path.write_bytes(text)


def file(name: str, text: str, encoding: str = "utf-8") -> File:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": text.encode(encoding)}


def opened(page: Page) -> Locator:
    page.get_by_role("button", name="Import from Data Workbench").click()
    dialog = page.get_by_role("dialog", name="Import from Data Workbench")
    expect(dialog.get_by_text(re.compile("At most 100 exports, and [0-9,]+ bytes"))).to_be_visible()
    return dialog


def choose(page: Page, *files: File) -> None:
    page.locator("input[type=file]").set_input_files(list(files))


def drop(page: Page, name: str, text: str) -> None:
    """Drop a file beside the dialog."""
    make = "([name, text]) => { const d = new DataTransfer(); d.items.add(new File([text], name)); return d; }"
    page.dispatch_event("body", "drop", {"dataTransfer": page.evaluate_handle(make, [name, text])})


def button(dialog: Locator, name: str) -> Locator:
    return dialog.get_by_role("button", name=name, exact=True)


def test_files_are_checked_and_then_imported(airflow: PageAirflow, window: Window) -> None:
    page = window("admin", animated=True)
    answers: list[str] = []
    page.on("response", lambda answer: answers.append(answer.text()) if "import/workbench" in answer.url else None)
    dialog = opened(page)
    choose(
        page, file("Dom<b>.export", EXPORT, "utf-16"), file("MMPExport (1).cfg", MMP, "cp1252"), file("notes.txt", "x")
    )
    expect(dialog.get_by_label("What MMPExport (1).cfg is")).to_have_value("mmp")
    expect(dialog.get_by_text("Choose what notes.txt is, or remove it.").first).to_be_visible()
    assert cared_for(page) == []
    button(dialog, "Remove notes.txt").click()
    dialog.get_by_label("Name of the export of Dom<b>.export").fill("Workbench Visitors")
    button(dialog, "Check the files").click()

    expect(dialog.get_by_text("1 export: workbench-visitors.")).to_be_focused()
    rows = dialog.get_by_role("region", name="Parameters").get_by_role("row")
    expect(rows.filter(has_text="Workbench Visitors.export:5")).to_contain_text("of the dataset customers")
    assert cared_for(page) == []
    dialog.get_by_label("Show").select_option("secret")
    expect(rows.filter(has_text="s3 Secret Key")).to_contain_text("Airflow connection data_workbench_s3")
    expect(rows).to_have_count(7)  # with the one of the headings
    dialog.get_by_role("tab", name="Declarations").click()
    text = dialog.get_by_role("region", name="exports/workbench-visitors.yaml")
    expect(text).to_contain_text("as: Größe")
    expect(text).to_contain_text("enabled: false")
    dialog.get_by_role("tab", name="Secrets").click()
    expect(dialog.get_by_text("sluice airflow connections add data_workbench_api")).to_be_visible()
    button(dialog, "Create data_workbench_s3").click()
    expect(dialog.get_by_label("Extra, as JSON")).to_have_value('{"region_name":"us-east-1"}')
    dialog.get_by_label("Login").fill("AKIA")
    dialog.get_by_label("Password").fill("typed-secret")
    button(dialog, "Create in Airflow").click()
    expect(dialog.get_by_text("Airflow has it, of type aws.")).to_be_visible()
    assert "workbench-visitors" not in load(airflow.include).project.exports

    button(dialog, "Import").dblclick()
    expect(page).to_have_url(re.compile("/e/workbench-visitors$"))
    expect(page.get_by_text("1 export imported").first).to_be_visible()
    assert load(airflow.include).project.exports["workbench-visitors"].connection == "data-workbench"
    airflow.rest.send("DELETE", "/api/v2/connections/data_workbench_s3", None)
    assert not any(secret in "".join(answers) for secret in (*SECRETS, "typed-secret"))
    folders = (airflow.layout.root, airflow.layout.home)
    kept = [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert any(b"import-workbench" in one for one in kept), "it is in the audit log"
    assert not any(secret.encode() in one for one in kept for secret in SECRETS if len(secret) > 4)


def test_mistakes_names_that_exist_and_a_project_that_changed(airflow: PageAirflow, window: Window) -> None:
    page = window("admin")
    dialog = opened(page)
    choose(page, file("seniors.export", EXPORT))
    drop(page, "Cut.export", EXPORT.replace("2 items", "3 items"))
    button(dialog, "Check the files").click()
    expect(dialog.get_by_text("Cut.export:9:27").first).to_be_visible()
    choose(page, file("Cut.export", EXPORT))  # corrected, it replaces the one before
    expect(dialog.get_by_text("2 chosen")).to_be_visible()
    button(dialog, "Check the files").click()
    expect(dialog.get_by_text("already exists, and is not what the import would write").first).to_be_visible()
    dialog.get_by_label("Name of the export of seniors.export").fill("workbench seniors")
    button(dialog, "Check the files").click()
    expect(dialog.get_by_text("2 exports: workbench-seniors, cut.")).to_be_visible()

    airflow.declare("exports/cut.yaml", "kind: segment-export\nsegments: [senior]\nfields: [id]\n")
    button(dialog, "Import").click()
    expect(dialog.get_by_text("already exists").first).to_be_visible()
    assert "workbench-seniors" not in load(airflow.include).project.detached
    (airflow.include / "exports" / "cut.yaml").unlink()
    button(dialog, "Import").click()
    expect(page.get_by_text("2 exports imported").first).to_be_visible()
    expect(page).to_have_url(re.compile("/plugin/exports$"))
    assert yaml.safe_load((airflow.include / "exports" / "cut.yaml").read_text())["enabled"] is False


def test_by_keyboard_in_the_dark_on_a_narrow_screen_where_nothing_is_written(
    airflow: PageAirflow, window: Window
) -> None:
    airflow.declare("project.yaml", (airflow.include / "project.yaml").read_text() + "edits: read-only\n")
    page = window("contributor", color_scheme="dark")  # a window that no other test gets: it remembers the setting
    page.get_by_role("button", name="Import from Data Workbench").hover()
    expect(page.get_by_role("tooltip")).to_contain_text("Only administrators import")
    page = window("admin", color_scheme="dark")
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    page.set_viewport_size({"width": 375, "height": 800})
    start = page.get_by_role("button", name="Import from Data Workbench")
    expect(start).to_be_enabled()
    start.press("Enter")
    dialog = page.get_by_role("dialog", name="Import from Data Workbench")
    with page.expect_file_chooser() as chooser:
        button(dialog, "Choose files").press("Enter")
    chooser.value.set_files([file("Narrow.export", EXPORT), file("MMPExport.cfg", MMP)])
    expect(dialog.get_by_label("What Narrow.export is")).to_have_value("exports")
    assert cared_for(page) == []
    button(dialog, "Check the files").press("Enter")
    expect(dialog.get_by_text("1 export: narrow.")).to_be_focused()
    for tab in ("parameter", "Declarations", "Secrets"):
        dialog.get_by_role("tab", name=re.compile(tab)).press("Enter")
        expect(dialog.get_by_role("tabpanel", name=re.compile(tab))).to_be_visible()
        expect(dialog.get_by_role("tabpanel")).to_have_count(1)
        assert cared_for(page) == [], tab
    button(dialog, "Make a patch").press("Enter")
    expect(dialog.get_by_role("button", name="Download the patch")).to_be_visible()
    assert not (airflow.include / "exports" / "narrow.yaml").exists()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(start).to_be_focused()


def cared_for(page: Page) -> list[str]:
    """What axe-core finds in the dialog, and whether it scrolls sideways."""
    found = Axe().run(page, context="[role=dialog]").response
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]] + (
        ["it scrolls sideways"] if wide > 0 else []
    )
