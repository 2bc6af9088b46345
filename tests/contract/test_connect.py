"""`sluice check --connect`, against servers that let in and servers that do not: what it prints, to the letter.

`docs/destinations.md` shows what was printed, without addresses that change; `pytest --update` writes it there.
"""

from __future__ import annotations

import json
import logging
import os
import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from sluice.cli import main
from tests.servers.docs import block, replaced
from tests.servers.fault_cases import CASES, Case, Stage
from tests.servers.fleet import Fleet
from tests.servers.process import NotInstalledError
from tests.servers.subjects import SUBJECTS, Subject

DOCS = Path(__file__).parents[2] / "docs" / "destinations.md"

BAD = (
    "wrong key-s3", "wrong key-gcs", "wrong key-azure-blob", "wrong client secret-adls", "wrong password-sftp",
    "expired SAS-data-landing-zone", "missing bucket-s3", "missing bucket-gcs", "missing container-azure-blob",
    "read-only prefix-s3", "read-only prefix-gcs", "read-only SAS-azure-blob", "read-only folder-sftp",
    "unknown host-s3", "unknown host-gcs", "unknown host-azure-blob", "unknown host-sftp", "refused-sftp",
    "untrusted certificate-s3", "missing folder-sftp", "file in the way-local", "host key changed-sftp",
)  # fmt: skip
"""Credentials, bucket, permission, name, network, TLS, path, host key."""
FAULTS = {str(case): case for case in CASES}


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that declares nothing yet."""
    monkeypatch.setattr(logging, "raiseExceptions", False)  # Airflow logs into what pytest has closed
    (tmp_path / "include" / "connections").mkdir(parents=True)
    (tmp_path / "include" / "exports").mkdir()  # without it, nothing is delivered
    return tmp_path / "include"


def tried(include: Path, name: str, declared: dict[str, object], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit status of `sluice check --connect NAME`, and what it printed of the connection."""
    (include / "connections" / f"{name}.yaml").write_text(json.dumps(declared))
    capsys.readouterr()
    status = main(["check", "--include", str(include), "--connect", name])
    printed = capsys.readouterr()
    said = "".join(line for line in printed.out.splitlines(keepends=True) if line.startswith(f"{name}:")) + printed.err
    return status, said.strip()


@pytest.mark.parametrize("subject", [s for s in SUBJECTS if not s.same_client and "in place" not in s.server], ids=str)
def test_a_connection_that_delivers(
    subject: Subject, include: Path, fleet: Fleet, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    try:
        config = subject.config(fleet, "drop")
    except NotInstalledError as reason:
        pytest.skip(str(reason))
    declared = config.model_dump(mode="json", exclude_none=True)
    status, said = tried(include, subject.type, declared, capsys)
    assert status == 0, said
    assert said.startswith(f"{subject.type}: delivers; wrote, read and removed ")
    destination = subject.open(fleet, "drop", threads=1)
    assert list(destination.list("")) == [], "the probe is gone again"
    destination.close()
    _shown(request, f"{subject.type} ({subject.server})", said)


@pytest.mark.parametrize("name", BAD)
def test_a_connection_that_does_not(
    name: str,
    include: Path,
    fleet: Fleet,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    case: Case = FAULTS[name]
    (tmp_path / "servers").mkdir()
    with ExitStack() as until:
        conn_id = fleet.connect("acme", case.connection(Stage(fleet, tmp_path / "servers", until)))
        declared = {"type": case.type, "airflow_conn_id": conn_id, "folder": case.folder, **case.declared}
        if "retry_for" in declared:
            declared["retry_for"] = "1s"
        status, said = tried(include, "acme", declared, capsys)
    assert status == 1
    assert said.startswith("acme: does not deliver\n")
    assert re.search(case.text, said.replace("\n", " ")), said
    assert "\n  next: " in said, "every failure says what to do next"
    _shown(request, name.removesuffix(f"-{case.type}") + f", {case.type}", said)


def test_a_connection_that_airflow_does_not_have(include: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declared: dict[str, object] = {"type": "s3", "airflow_conn_id": "not_there", "bucket": "acme-drop"}
    status, said = tried(include, "new", declared, capsys)
    assert status == 1
    assert "airflow connections add" in said


def _shown(request: pytest.FixtureRequest, title: str, said: str) -> None:
    """The page shows what was printed."""
    text = f"{title}\n{_settled(said, request.getfixturevalue('tmp_path'))}"
    if request.config.getoption("--update", default=False):
        DOCS.write_text(replaced(DOCS.read_text(), "connect", title, text))
    assert text in block(DOCS.read_text(), "connect")


def _settled(said: str, folder: Path) -> str:
    """Without what differs from one machine and one time to the next."""
    said = said.replace(str(folder / "servers"), "/mnt")
    said = re.sub(r"/\S*/sluice-servers-\w+", "/mnt", said)
    said = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>", said)
    said = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", said)
    said = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", said)
    return said.replace(os.environ["AIRFLOW_HOME"], "/airflow")
