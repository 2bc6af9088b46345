"""The page `data-workbench.md`: its files, its commands, and a row for every parameter."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sluice.cli import main
from sluice.workbench.report import KEYS

PAGE = (Path(__file__).parents[3] / "docs" / "data-workbench.md").read_text()
FILES = dict(re.findall(r"^`([\w/.-]+)`:\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


def test_every_parameter_has_a_row() -> None:
    rows = re.findall(r"^\| ([^`|]+) \|", PAGE, re.MULTILINE)
    named = {parameter for row in rows for parameter in row.split(", ")}
    files = {"Query", "MMP Export Configuration", "Target Bulk Upload Configuration"}
    assert set(KEYS) - files - named == set()


def test_every_command_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sluice.where.CHECKOUT", tmp_path)
    for name in ("SLUICE_HOME", "SLUICE_INCLUDE"):
        monkeypatch.delenv(name, raising=False)
    for folder in ("include/catalog", "include/exports"):
        Path(folder).mkdir(parents=True)
    for name in ("MMPExport.cfg", "User.export", "include/catalog/datasets.yaml"):
        Path(name).write_text(FILES[name])
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    commands = "".join(blocks).splitlines()
    for command in commands:
        name, *words = shlex.split(command)
        assert (name, main(words)) == ("sluice", 0), capsys.readouterr().err
    printed = capsys.readouterr().out
    for name in ("include/exports/user.yaml", "include/connections/data-workbench.yaml"):
        assert Path(name).read_text() == FILES[name]
    shown = re.findall(r"^sluice airflow connections add .*?\n    .*?$", PAGE, re.MULTILINE | re.DOTALL)
    said = " ".join(printed.split())
    assert [one for one in shown if " ".join(one.split()) not in said] == []
    assert (len(commands), len(shown)) == (4, 2)
