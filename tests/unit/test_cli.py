"""The command's frame: its table, exit status, and where it prints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from sluice import cli
from sluice.cli import COMMANDS, Command, main
from sluice.errors import FatalError

ROOT = Path(__file__).parents[2]
BASE = ROOT / "tests" / "golden" / "_base" / "include"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_row_leads_to_a_function(command: Command) -> None:
    module, _, function = command.function.partition(":")
    assert callable(getattr(import_module(module), function))
    assert command.help


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_its_help(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main([command.name, "--help"])
    assert done.value.code == 0
    printed = capsys.readouterr().out
    assert "--include" in printed
    assert all(argument.name in printed for argument in command.arguments)


def test_the_folder_comes_from_the_option_the_environment_or_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLUICE_INCLUDE", raising=False)
    assert main(["check"]) == 1
    assert "there is no folder include" in capsys.readouterr().err
    assert main(["check", "--include", str(BASE)]) == 0
    monkeypatch.setenv("SLUICE_INCLUDE", str(BASE))
    assert main(["check"]) == 0
    monkeypatch.delenv("SLUICE_INCLUDE")
    shutil.copytree(BASE, tmp_path / "include")
    assert main(["check"]) == 0
    assert "0 errors" in capsys.readouterr().out


def test_pools_are_printed_as_airflow_imports_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(BASE, tmp_path / "include")
    (tmp_path / "include/connections/narrow.yaml").write_text(
        "{type: local, airflow_conn_id: out, limits: {at_once: 3}}"
    )
    assert main(["pools", "--include", str(tmp_path / "include")]) == 0
    says = "tasks that send to this connection at once"
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


def test_the_schemas(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    names = capsys.readouterr().out.split()
    assert names == ["connection", "datasets", "export", "project", "refreshes", "segments"]
    assert main(["schema", "export"]) == 0
    assert json.loads(capsys.readouterr().out)["title"].startswith("An export")
    assert main(["schema", "exprot"]) == 1
    assert "did you mean: export" in capsys.readouterr().err


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
    env = os.environ | {"PYTHONPATH": str(ROOT / "include")}
    run = subprocess.run([sys.executable, "-c", script], stdout=write, stderr=subprocess.PIPE, env=env, check=False)
    os.close(write)
    assert (run.returncode, run.stderr) == (1, b"")
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, env=env, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
