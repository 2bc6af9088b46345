"""Files of Data Workbench, imported through the API."""

from __future__ import annotations

import json
import logging
import subprocess
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from sluice.model.declared import is_name
from sluice.page.limit import MOST
from tests.pages import FILES, ROOT, Page
from tests.unit.workbench.samples import CATALOG, EXPORT, MMP, SECRETS

pytestmark = pytest.mark.slow

WRITTEN = {"catalog/segments.yaml", "connections/data-workbench.yaml", "exports/user.yaml"}


@pytest.fixture
def page(page: Page) -> Page:
    """With the dataset of the sample."""
    catalog = page.include / "catalog" / "datasets.yaml"
    catalog.write_text(catalog.read_text() + CATALOG)
    page.world.changed()
    return page


def file(name: str, text: str | bytes) -> dict[str, str]:
    return {"name": name, "content": b64encode(text if isinstance(text, bytes) else text.encode()).decode()}


def body(export: str | bytes = EXPORT, **more: Any) -> dict[str, Any]:
    return {"exports": [file("User.export", export)], "mmp": file("MMPExport.cfg", MMP), **more}


def test_the_report_comes_first_then_the_files(page: Page) -> None:
    before = page.texts()

    shown = page.post("/import/workbench", body(), ROOT).json()

    assert page.texts() == before
    assert (shown["exports"], shown["connections"]) == (["user"], {"user": "data-workbench"})
    (level,) = [line for line in shown["report"] if line["parameter"] == "Level"]
    assert (level["file"], level["line"], level["verdict"]) == ("User.export", 5, "taken")
    assert "+file: MMPTest_%RUN_ID%_%PART%" in shown["diff"]

    written = page.post("/import/workbench", body(write=True, tag=shown["tag"]), ROOT).json()

    assert written == shown | {"written": True}
    assert {name for name, text in page.texts().items() if before.get(name) != text} == WRITTEN
    new, changed = (
        {one["file"]: one["text"] for one in shown["files"] if one["new"] is is_new} for is_new in (True, False)
    )
    assert new == {name: page.text(name) for name in sorted(WRITTEN - before.keys())}
    assert changed.keys() == WRITTEN & before.keys()
    assert "+all-page-views:" in changed["catalog/segments.yaml"]
    assert page.audit()[-1] == ("root", "import-workbench", "project", "done")


def test_what_the_secrets_belong_in(page: Page) -> None:
    needed = page.post("/import/workbench", body(), ROOT).json()["airflow_connections"]

    assert [(one["id"], one["type"]) for one in needed] == [
        ("data_workbench_s3", "aws"),
        ("data_workbench_api", "http"),
    ]
    assert needed[0]["extra"] == {"region_name": "us-east-1"}
    assert (needed[0]["login"], needed[0]["password"]) == ("@S3_ACCESS_KEY", "@S3_SECRET_KEY")
    assert needed[0]["command"].startswith("sluice airflow connections add data_workbench_s3 --conn-type aws")


CUT = MMP.replace("Secret Key = string: ", "Secret Key = string:\n")
"""A line of it is a secret alone."""


@pytest.mark.parametrize(
    "given",
    [
        body(write=True),
        body(mmp=file("MMPExport.cfg", MMP.replace("Secret Key =", "Secret Key"))),
        body(mmp=file("MMPExport.cfg", CUT)),
        body(ftp_servers=file("FTPServerInfo.cfg", CUT)),
        body(ftp_servers=file("FTPServerInfo.cfg", CUT.encode("utf-16"))),
        body(target=file("TargetBulkUpload.cfg", MMP)),
        body(CUT),
        body(MMP),
        body(mmp={"name": "MMPExport.cfg", "content": MMP}),
        body(mmp={"name": "MMPExport.cfg", "content": [MMP]}),
    ],
)
def test_no_secret_comes_back_or_is_kept(page: Page, given: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is wrong with the file, and if it is given as another one."""
    caplog.set_level(logging.DEBUG)

    answer = page.post("/import/workbench", given, ROOT)

    kept = [path.read_bytes() for path in page.include.parent.rglob("*") if path.is_file()]
    assert answer.status_code in (200, 422)
    assert answer.status_code == 422 or any(b"import-workbench" in one for one in kept), "it is in the audit log"
    for secret in SECRETS:
        assert secret not in answer.text
        assert secret not in caplog.text
        assert not any(secret.encode() in one for one in kept)


def test_a_damaged_file_is_answered_with_its_place(page: Page) -> None:
    answer = page.post("/import/workbench", body(EXPORT.replace("3 items", "4 items")), ROOT)

    assert answer.status_code == 422
    assert {"file": "User.export", "line": 10, "column": 25, "others": []}.items() <= answer.json().items()


def test_the_first_mistake_of_each_file_is_answered(page: Page) -> None:
    given = body(EXPORT.replace("Level = string: Page View", "Level = string: Page Veiw"))
    given["exports"] += [file("Right.export", EXPORT), file("Wrong.export", EXPORT.replace(": 12345", ":"))]

    answer = page.post("/import/workbench", given, ROOT).json()

    assert [(one["file"], one["line"]) for one in (answer, *answer["others"])] == [
        ("User.export", 5),
        ("Wrong.export", 7),
    ]
    assert answer["nearest"] == "Page View"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_file_arrives_in_its_own_encoding(page: Page, encoding: str) -> None:
    text = EXPORT.replace(
        "Column Name = string:\nField Name = string: PID", "Column Name = string: Größe\nField Name = string: PID"
    )
    plain = page.post("/import/workbench", body(text), ROOT).json()

    answer = page.post("/import/workbench", body(text.encode(encoding)), ROOT).json()

    assert "Größe" in plain["diff"]
    assert answer == plain


def test_declarations_that_exist_are_kept(page: Page) -> None:
    taken = FILES["exports/mine.yaml"]
    given = body() | {"exports": [file(f"{name}.export", EXPORT) for name in ("mine", "both", "User")]}

    answer = page.post("/import/workbench", given | {"write": True}, ROOT)

    assert answer.status_code == 422
    found = [answer.json(), *answer.json()["others"]]
    assert [one["file"].rpartition("/")[2] for one in found] == ["mine.yaml", "both.yaml"]
    assert "already exists" in found[0]["what"]
    assert page.text("exports/mine.yaml") == taken
    assert not (page.include / "exports" / "user.yaml").exists()


def test_what_is_there_already_is_not_written_again(page: Page) -> None:
    page.post("/import/workbench", body(write=True), ROOT)
    before = page.texts()

    again = page.post("/import/workbench", body(write=True), ROOT).json()

    assert (again["files"], again["diff"], again["unchanged"]) == ([], "", ["exports/user.yaml"])
    assert page.texts() == before


def test_a_project_that_changed_after_the_report_is_not_written_to(page: Page) -> None:
    tag = page.post("/import/workbench", body(), ROOT).json()["tag"]
    segments = page.include / "catalog" / "segments.yaml"
    segments.write_text(segments.read_text() + "everyone: {dataset: page-views, where: 'true'}\n")
    before = page.texts()

    answer = page.post("/import/workbench", body(write=True, tag=tag), ROOT)

    assert (answer.status_code, page.texts()) == (409, before)
    assert "have changed since you looked at the report" in answer.json()["what"]


def test_two_administrators_at_once(page: Page) -> None:
    tag = page.post("/import/workbench", body(), ROOT).json()["tag"]

    with ThreadPoolExecutor(2) as both:
        asked = [both.submit(page.post, "/import/workbench", body(write=True, tag=tag), ROOT) for _ in range(2)]

    assert sorted(one.result().status_code for one in asked) == [200, 409]
    assert page.text("catalog/segments.yaml").count("all-page-views:") == 1


def test_exports_may_be_imported_switched_off(page: Page) -> None:
    page.post("/import/workbench", body(write=True, switched_off=True), ROOT)

    assert yaml.safe_load(page.text("exports/user.yaml"))["enabled"] is False


def test_declarations_that_are_deployed_from_elsewhere_get_a_patch(page: Page) -> None:
    project = page.include / "project.yaml"
    project.write_text(project.read_text() + "edits: read-only\n")
    before = page.texts()
    tag = page.post("/import/workbench", body(), ROOT).json()["tag"]

    answer = page.post("/import/workbench", body(write=True, tag=tag), ROOT)

    assert (answer.status_code, page.texts()) == (409, before)
    subprocess.run(["git", "apply", "-"], input=answer.json()["patch"], text=True, cwd=page.include, check=True)
    assert {name for name, text in page.texts().items() if before.get(name) != text} == WRITTEN


@pytest.mark.parametrize(
    "name",
    [
        "../../../project.export",
        "..",
        "/",
        ".export",
        "C:\\exports\\User.export",
        "a\0b\nc.export",
        "<img src=x onerror=alert(1)>.export",
        "\u202etropxe.export",
        "{{ 7 * 7 }}.export",
        "a" * 200,
        "a" * 201,
        "",
        "\ud800.export",
    ],
)
def test_hostile_names_become_plain_ones(page: Page, name: str) -> None:
    given, before = body(write=True), page.texts()
    given["exports"][0]["name"] = name

    answer = page.client.post(
        "/api/v1/import/workbench", content=json.dumps(given), headers={"Content-Type": "application/json"}
    )

    new = page.texts().keys() - before.keys() - WRITTEN
    assert answer.status_code == (422 if len(name) in (0, 201) or "\ud800" in name else 200), answer.text
    assert all(one.startswith("exports/") and is_name(one[8:-5]) for one in new)
    assert page.text("project.yaml") == before["project.yaml"]


def test_two_files_of_one_name_are_not_one_export(page: Page) -> None:
    given = body()
    given["exports"].append(file("User.export", EXPORT.replace("12345", "54321")))

    answer = page.post("/import/workbench", given, ROOT)

    assert answer.status_code == 422
    assert "both become the export `user`" in answer.json()["what"]


def test_a_request_has_room_for_as_much_as_it_may_have(page: Page) -> None:
    limits = page.get("/import/workbench").json()
    each = limits["bytes"] // limits["exports"]
    files = [file(f"{'ü' * 150}{number}.export", b" " * each) for number in range(limits["exports"])]

    answer = page.post("/import/workbench", {"exports": files}, ROOT)

    assert limits["names"]["ftp_servers"] == "FTPServerInfo.cfg"
    assert answer.status_code == 422, "it was read"
    assert page.post("/import/workbench", {"exports": [file("a", b" " * MOST)]}, ROOT).status_code == 413
