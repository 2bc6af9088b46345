"""Files of Data Workbench, imported through the API."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.pages import ROOT, Page
from tests.unit.workbench.samples import CATALOG, EXPORT, MMP, SECRETS


def file(name: str, text: str) -> dict[str, str]:
    return {"name": name, "content": b64encode(text.encode()).decode()}


def body(export: str = EXPORT, **more: Any) -> dict[str, Any]:
    return {"exports": [file("User.export", export)], "mmp": file("MMPExport.cfg", MMP), **more}


def test_the_report_comes_first_then_the_files(page: Page) -> None:
    catalog = page.include / "catalog" / "datasets.yaml"
    catalog.write_text(catalog.read_text() + CATALOG)
    page.world.changed()
    before = page.texts()

    shown = page.post("/import/workbench", body(), ROOT).json()

    assert page.texts() == before
    assert shown["exports"] == ["user"]
    (level,) = [line for line in shown["report"] if line["parameter"] == "Level"]
    assert (level["file"], level["line"], level["verdict"]) == ("User.export", 5, "taken")
    assert "+file: MMPTest_%RUN_ID%_%PART%" in shown["diff"]
    assert not any(secret in str(shown) for secret in SECRETS)

    written = page.post("/import/workbench", body(write=True), ROOT).json()

    assert written == shown | {"written": True}
    assert (
        page.texts().keys() - before.keys()
        == {
            "catalog/segments.yaml",
            "connections/data-workbench.yaml",
            "exports/user.yaml",
        }
        - before.keys()
    )


def test_a_damaged_file_is_answered_with_its_place(page: Page) -> None:
    answer = page.post("/import/workbench", body(EXPORT.replace("3 items", "4 items")), ROOT)

    assert answer.status_code == 422
    assert {"file": "User.export", "line": 10, "column": 25}.items() <= answer.json().items()


def test_secrets_of_a_damaged_file_are_not_answered(page: Page) -> None:
    broken = body() | {"mmp": file("MMPExport.cfg", MMP.replace("Secret Key =", "Secret Key"))}

    answer = page.post("/import/workbench", broken, ROOT)

    assert answer.status_code == 422
    assert not any(secret in answer.text for secret in SECRETS)
