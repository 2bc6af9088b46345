"""`sluice check --connect`, against servers that let in and servers that do not: what it prints, to the letter.

`docs/destinations.md` shows what was printed, without addresses that change; `pytest --update` writes it there.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import asyncssh
import pytest

from sluice.cli import main
from tests.servers.docs import block, replaced
from tests.servers.fault_cases import CASES, Case, Stage
from tests.servers.fleet import Fleet
from tests.servers.folders import folder_connection
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


IMPATIENT = """
import sys
import sluice.commands.connect as connect
from sluice.cli import main
connect.DEADLINE = 30.0
sys.exit(main())
"""


def test_a_server_that_swallows_connections_keeps_nothing_silent(include: Path, tmp_path: Path) -> None:
    """C6: three connections to it were tried one after another, each for three minutes; and then the command ends."""
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    environment = {**os.environ, "AIRFLOW_CONN_OUT": folder_connection(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at = silent.getsockname()[1]
        sftp = {"conn_type": "sftp", "host": "127.0.0.1", "port": at, "login": "u", "extra": {"host_key": key}}
        s3 = {"conn_type": "aws", "login": "k", "password": "secret-word"}
        s3["extra"] = json.dumps({"endpoint_url": f"http://127.0.0.1:{at}", "region_name": "eu-west-1"})
        declared = {
            "bucket": ({"type": "s3", "bucket": "acme", "timeout": "1s"}, s3),
            "drop": ({"type": "sftp"}, {**sftp, "password": "secret-word"}),
            "drop2": ({"type": "sftp"}, {**sftp, "password": "secret-word"}),
            "out": ({"type": "local", "airflow_conn_id": "out"}, None),
        }
        for name, (declaration, connection) in declared.items():
            conn = {"airflow_conn_id": f"to_{name}"} | declaration
            (include / "connections" / f"{name}.yaml").write_text(json.dumps(conn))
            environment[f"AIRFLOW_CONN_TO_{name.upper()}"] = json.dumps(connection)
        argv = [sys.executable, "-c", IMPATIENT, "check", "--include", str(include), "--connect", *declared]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "bucket: does not deliver\n" in done.stderr
    assert "\n  next: check whether its server answers, then run the command again\n" in done.stderr
    for name in ("drop", "drop2"):
        assert f"{name}: does not deliver\n{name}: no answer within 30 seconds\n" in done.stderr
    assert "out: delivers; wrote, read and removed" in done.stdout
    assert "secret-word" not in done.stdout + done.stderr


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
