"""The command's frame: its table, exit status, and where it prints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from airflow.sdk import DAG

from local.layout import Layout
from sluice import cli
from sluice.airflow import exports
from sluice.airflow.project import include_folder
from sluice.cli import main
from sluice.command_line import COMMANDS
from sluice.definition.load import load
from sluice.errors import FatalError
from sluice.subcommand import Command
from sluice.where import where

ROOT = Path(__file__).parents[2]
BASE = ROOT / "tests" / "golden" / "_base" / "include"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_row_leads_to_a_function(command: Command) -> None:
    module, _, function = command.function.partition(":")
    assert callable(getattr(import_module(module), function))
    assert command.help


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.passes], ids=lambda command: command.name)
def test_every_command_has_its_help(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main([command.name, "--help"])
    assert done.value.code == 0
    printed = capsys.readouterr().out
    assert ("--include" in printed) == command.reads
    assert all(argument.name in printed for argument in command.arguments)


@pytest.mark.slow
def test_the_folder_comes_from_the_option_the_environment_or_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    shutil.copytree(BASE, elsewhere / "include")
    monkeypatch.setattr("sluice.where.CHECKOUT", project)
    monkeypatch.delenv("SLUICE_INCLUDE", raising=False)
    monkeypatch.chdir(project)
    assert main(["check"]) == 1
    assert "the folder include does not exist" in capsys.readouterr().err
    assert main(["check", "--include", str(BASE)]) == 0
    monkeypatch.setenv("SLUICE_INCLUDE", "../elsewhere/include")
    assert main(["check"]) == 0
    assert f"declarations: {project}/../elsewhere/include (SLUICE_INCLUDE)\n" in capsys.readouterr().err
    monkeypatch.delenv("SLUICE_INCLUDE")
    shutil.copytree(BASE, project / "include")
    assert main(["check"]) == 0
    assert "declarations:" not in capsys.readouterr().err, "nothing else could be meant"


@pytest.mark.slow
def test_from_any_folder_the_command_reads_what_the_dags_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """C9: and says which."""
    monkeypatch.delenv("SLUICE_INCLUDE", raising=False)
    monkeypatch.chdir(tmp_path)
    for named in (None, BASE):
        if named:
            monkeypatch.setenv("SLUICE_INCLUDE", str(named))
        assert main(["check"]) == 0
        assert f"declarations: {include_folder()} (" in capsys.readouterr().err
        assert include_folder() == Layout().include == (named or ROOT / "include")
        assert Layout().home == ROOT / ".local"
        assert Layout().settings == where().settings == ROOT / "airflow_settings.yaml"


def test_the_declarations_are_those_of_the_dag_file_of_airflows_home_or_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLUICE_INCLUDE", "SLUICE_HOME", "AIRFLOW_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sluice.where._dag_file", None)
    bundle, home, here = (tmp_path / name for name in ("bundle", "home", "here"))
    for project in (bundle, home, here):
        shutil.copytree(BASE, project / "include")
    (here / "empty" / "include").mkdir(parents=True)
    monkeypatch.chdir(here)
    assert where().home == here
    monkeypatch.chdir(here / "empty")
    assert where().home == ROOT, "an empty include, a C project's perhaps, holds no declarations"
    monkeypatch.chdir(here)
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    assert where().include == home / "include"
    for file in ("dags/exports.py", "exports.py"):
        names = {"__file__": str(bundle / file)}
        exports(names)
        assert where().include == bundle / "include"
        assert isinstance(names["export__daily"], DAG)
    monkeypatch.setenv("SLUICE_INCLUDE", str(here / "include"))
    assert where().include == here / "include"


def test_pools_are_printed_as_airflow_imports_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(BASE, tmp_path / "include")
    (tmp_path / "include/connections/narrow.yaml").write_text(
        "{type: local, airflow_conn_id: out, limits: {at_once: 3}}"
    )
    assert main(["pools", "--include", str(tmp_path / "include")]) == 0
    says = "tasks that may send to this connection at the same time"
    wanted = {"sluice_narrow": {"slots": 3, "description": says, "include_deferred": False}}
    assert json.loads(capsys.readouterr().out) == wanted


def test_the_shipped_declarations_are_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--include", str(ROOT / "include")]) == 0, capsys.readouterr().err
    assert ": 0 errors" in capsys.readouterr().out  # and a warning, where no lake has been made yet


def test_an_error_is_a_page_on_stderr_and_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = FatalError("the lake is dry", next_step="wait for rain")
    monkeypatch.setattr(cli, "COMMANDS", (Command("dig", "tests_cli_dig:dig", "dig"),))
    monkeypatch.setitem(sys.modules, "tests_cli_dig", type("dig", (), {"dig": staticmethod(_raises(error))}))
    assert main(["dig"]) == 1
    assert capsys.readouterr() == ("", "the lake is dry\n  next: wait for rain\n")


def _raises(error: Exception) -> object:
    def dig(args: object) -> int:
        raise error

    return dig


def test_a_wrong_command_line_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["chek"])
    assert done.value.code == 2
    assert "check" in capsys.readouterr().err


@pytest.mark.slow
def test_the_schemas(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    names = capsys.readouterr().out.split()
    assert names == ["connection", "datasets", "export", "project", "refreshes", "segments"]
    assert main(["schema", "export"]) == 0
    assert json.loads(capsys.readouterr().out)["title"].startswith("An export")
    assert main(["schema", "exprot"]) == 1
    assert "did you mean: export" in capsys.readouterr().err


@pytest.mark.slow
def test_the_schemas_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--write", str(tmp_path)]) == 0
    assert sorted(path.name for path in (tmp_path / "schema").iterdir()) == [
        f"{name}.json" for name in ("connection", "datasets", "export", "project", "refreshes", "segments")
    ]


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_traceback() -> None:
    """As in `sluice schema export | head -1`; and the command runs without anything heavy."""
    script = (
        "import sys; from sluice.cli import main; status = main(['schema', 'export'])\n"
        "heavy = {'airflow', 'pyarrow', 'duckdb', 'polars', 'boto3', 'azure'} & set(sys.modules)\n"
        "sys.exit(status or bool(heavy) * 3)"
    )
    read, write = os.pipe()
    os.close(read)
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run([sys.executable, "-c", script], stdout=write, stderr=subprocess.PIPE, env=env, check=False)
    os.close(write)
    assert (run.returncode, run.stderr) == (1, b"")
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, env=env, check=False)
    assert (run.returncode, run.stderr) == (0, b"")


def test_exports_are_listed_with_what_their_schedules_will_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(BASE, tmp_path / "include")
    for path in (tmp_path / "include/exports").rglob("*.yaml"):
        path.unlink()
    (tmp_path / "include/connections/drop.yaml").write_text("{type: local, airflow_conn_id: out}")
    dataset = sorted(load(tmp_path / "include").project.datasets)[0]
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3, hours=1)
    for name, more in {
        "follows": "",
        "soon": f", schedule: {{daily: '06:00', end: '{soon.isoformat()}'}}",
        "over": ", schedule: {daily: '06:00', start: 2020-01-01, end: 2020-12-31}",
        "later": ", schedule: {daily: '06:00', start: 2198-01-01, end: 2198-12-31}",
        "by_hand": ", schedule: 'off'",
        "stopped": ", enabled: false",
        "wrong": ", feilds: []",
        "waits": ", connection: ''",
    }.items():
        connection = "" if "connection" in more else ", connection: drop"
        text = f"{{kind: dataset-export{connection}, datasets: [{dataset}], mode: full{more}}}"
        (tmp_path / f"include/exports/{name}.yaml").write_text(text)
    words = ("list", "--include", str(tmp_path / "include"))
    assert main([*words, "--json"]) == 0
    listed = {one.pop("export"): one for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert {name: one["status"] for name, one in listed.items()} == {
        "by_hand": "by hand",
        "follows": "active",
        "later": "active from 2198-01-01 00:00 UTC",
        "over": "ended at 2020-12-31 23:59 UTC",
        "soon": f"active, ends in 3 days, at {soon:%Y-%m-%d %H:%M} UTC",
        "stopped": "switched off",
        "waits": "detached",
        "wrong": "broken: see `sluice check`",
    }
    assert listed["waits"]["connection"] == "No Connection"
    assert listed["later"] | {"status": ""} == {
        "kind": "dataset-export",
        "connection": "drop",
        "schedule": "daily at 06:00 UTC",
        "status": "",
    }
    assert main([*words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["export", "kind", "connection", "schedule", "status"]
    assert [line.split()[0] for line in lines[1:]] == sorted(listed)
