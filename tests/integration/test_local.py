"""The local commands over a real Airflow."""

from __future__ import annotations

import math
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local.airflow import Airflow
from local.demo import Demo
from local.layout import Layout
from sluice.errors import DefinitionError
from tests.integration.cdnow import Cdnow
from tests.integration.stack import Stack


def test_the_demo_tells_what_was_delivered_and_why_something_was_not(
    stack: Stack, cdnow: Cdnow, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over declarations of which one is broken: its run fails, and the others are delivered."""
    with stack.followers():
        status = Demo(stack.layout).run(scale=0.001)
    out = capsys.readouterr().out
    rows = {words[0]: words for words in map(str.split, out.splitlines()) if len(words) == 7 and words[1] == "drop"}
    members = [len(cdnow.buyers(5)), len(cdnow.buyers(5, 500))]
    assert rows["loyal"][2:4] == [str(sum(math.ceil(one / 500) for one in members)), f"{sum(members):,}"]
    assert rows["purchases"][2:4] == ["14", "69,659"]
    files, records = (sum(int(row[column].replace(",", "")) for row in rows.values()) for column in (2, 3))
    delivered, failed = out.strip().splitlines()[-1].rsplit(", ", 1)
    assert delivered == f"delivered: {len(rows)} exports, {files:,} files, {records:,} records"
    assert re.fullmatch(r"[1-9]\d* failed", failed)
    assert status == 1
    assert "export__broken: broken_declaration has failed; the end of its log:" in out
    assert "did you mean: drop" in out
    assert re.search(r"loyal +upload\[.+\]: success", out)
    assert stack.airflow.running(), "the demo has stopped an Airflow that it did not start"


def test_connections_of_the_settings_file_are_in_airflow(stack: Stack) -> None:
    connections = {one["connection_id"]: one for one in stack.rest.get("connections")["connections"]}
    assert connections["lake"]["conn_type"] == "fs"
    assert connections["lake"]["extra"] == '{"path": "lake"}'


def test_airflows_own_commands_work_beside_it(stack: Stack) -> None:
    listed = stack.cli("connections", "get", "lake", "-o", "plain")
    assert listed.returncode == 0, listed.stderr
    assert "fs" in listed.stdout


def test_a_wrong_settings_file_stops_the_start_and_leaves_nothing_running(tmp_path: Path) -> None:
    settings = tmp_path / "airflow_settings.yaml"
    settings.write_text("airflow: {connections: [{conn_id: a, conn_typo: b}]}")
    airflow = Airflow(Layout(home=tmp_path / "home", settings=settings, port=0))
    with pytest.raises(DefinitionError, match="conn_typo"):
        airflow.start()
    assert airflow.processes() == []
    assert not processes_of(tmp_path)


def test_a_start_that_is_ended_by_a_signal_leaves_nothing_running(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from local.__main__ import main; from local.layout import Layout;"
        f"sys.exit(main(['up'], Layout(home=Path({str(tmp_path / 'home')!r}), port=0)))"
    )
    with subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        while "starting Airflow" not in up.stdout.readline():
            assert up.poll() is None
        while not (tmp_path / "home" / "run" / "triggerer.json").exists():
            time.sleep(0.05)
        assert len(processes_of(tmp_path)) >= 4
        up.send_signal(signal.SIGTERM)
        assert up.wait(timeout=600) == 128 + signal.SIGTERM
    assert not processes_of(tmp_path)


def processes_of(folder: Path) -> list[psutil.Process]:
    """The processes that work for an Airflow below `folder`, by their environment or their command."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.environ().get("AIRFLOW_HOME", "")]
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
        if any(str(folder / "home") in word for word in words):
            found.append(process)
    return found


def test_files_with_secrets_are_private(stack: Stack) -> None:
    """The database's password, the keys and the login are readable by their owner alone."""
    address, home = stack.airflow.address(), stack.layout.home
    secrets = [address.password, (home / "postgres" / "password").read_text()]
    texts = [file for file in home.rglob("*") if file.is_file() and file.suffix in {".json", ".log", ".cfg", ""}]
    holding = [file for file in texts if any(secret in file.read_text(errors="replace") for secret in secrets)]
    assert {file.name for file in holding} == {"address", "keys.json", "passwords.json", "password"}
    assert [oct(file.stat().st_mode & 0o777) for file in holding] == ["0o600"] * 4
