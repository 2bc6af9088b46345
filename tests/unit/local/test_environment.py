"""What the processes of a local Airflow get from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import keys
from local.airflow import Airflow, environment
from local.demo import table
from local.layout import REPOSITORY, Layout
from sluice.airflow.local import Local
from sluice.errors import FatalError

URL = "http://127.0.0.1:4567"


def test_nothing_of_another_airflow_comes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", "fs://elsewhere")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    env = environment(Layout(home=tmp_path), URL, "postgresql://db")
    assert env["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert "AIRFLOW_CONN_LAKE" not in env
    assert "PYTHONDONTWRITEBYTECODE" not in env
    assert env["HTTPS_PROXY"] == "http://proxy:3128"


def test_the_user_overrides_any_option_of_airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "9")
    monkeypatch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "7")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_HOST", "mail.example.com")
    env = environment(Layout(home=tmp_path), URL, "postgresql://db")
    assert (env["AIRFLOW__CORE__PARALLELISM"], env["AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT"]) == ("9", "7")
    assert env["AIRFLOW__SMTP__SMTP_HOST"] == "mail.example.com"


def test_many_exports_have_time_to_be_parsed(tmp_path: Path) -> None:
    """All exports are one DAG file: after Airflow's own 30 and 50 seconds every one of them would disappear."""
    env = environment(Layout(home=tmp_path), URL, "postgresql://db")
    importing = int(env["AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT"])
    assert importing >= 600
    assert int(env["AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT"]) > importing


def test_every_address_is_the_loopbacks_and_the_chosen_port(tmp_path: Path) -> None:
    env = environment(Layout(home=tmp_path), URL, "postgresql://db")
    assert (env["AIRFLOW__API__HOST"], env["AIRFLOW__API__PORT"]) == ("127.0.0.1", "4567")
    assert env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"{URL}/execution/"


def test_a_layouts_own_variables_win(tmp_path: Path) -> None:
    layout = Layout(home=tmp_path, environment={"AIRFLOW__CORE__PARALLELISM": "1"})
    assert environment(layout, URL, "postgresql://db")["AIRFLOW__CORE__PARALLELISM"] == "1"


def test_keys_are_made_once_and_differ_between_homes(tmp_path: Path) -> None:
    first = keys.keys(tmp_path / "a")
    assert keys.keys(tmp_path / "a") == first
    assert keys.keys(tmp_path / "b") != first
    assert oct((tmp_path / "a" / "keys.json").stat().st_mode & 0o777) == "0o600"


def test_declarations_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Layout().include == REPOSITORY / "include"
    monkeypatch.setenv("SLUICE_INCLUDE", str(tmp_path))
    assert Layout().include == tmp_path


def test_an_airflow_that_runs_other_declarations_is_not_taken_for_this_one(tmp_path: Path) -> None:
    """C9: `make up` would say that it is ready, and run others."""
    layout = Layout(home=tmp_path, include=tmp_path / "mine")
    layout.run.mkdir()
    record = layout.run / "address"
    record.write_text(Local(URL, "admin", "x", str(tmp_path / "theirs"), {}).text())
    with pytest.raises(FatalError, match="Airflow is already running, with the declarations in"):
        Airflow(layout).start()
    record.write_text(Local(URL, "admin", "x", str(tmp_path / "mine"), {"AIRFLOW_HOME": "/here"}).text())
    assert Airflow(layout).start().url == URL
    assert Airflow(layout).environment()["AIRFLOW_HOME"] == "/here"


def test_the_table_of_deliveries() -> None:
    report = {
        "export": "loyal",
        "connection": "drop",
        "files": 10,
        "records": 4632,
        "bytes": 1234567,
        "seconds": 2.25,
        "manifest": "deliveries/manifest.json",
        "rejected": 0,
    }
    assert table([report]).splitlines() == [
        "export  connection  files  records      bytes  seconds  manifest",
        "------  ----------  -----  -------  ---------  -------  ------------------------",
        "loyal   drop           10    4,632  1,234,567      2.2  deliveries/manifest.json",
    ]
