"""The page "How do I upgrade?": its commands, in their order, in a project of `sluice init`; and its numbers."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import metadata, requires, version
from pathlib import Path

import polars as pl
import pytest
from packaging.requirements import Requirement

from sluice.cli import main
from sluice.delivery.commit.run_log import SCHEMA
from sluice.extras import DISTRIBUTION

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")
COMMANDS = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)).splitlines()
UV = Path(sys.executable).with_name("uv")


def empty_wheel(folder: Path, name: str, about: str) -> None:
    """A package of that name and nothing in it."""
    info = f"{name.replace('-', '_')}-{version(name)}.dist-info"
    with zipfile.ZipFile(folder / f"{info.removesuffix('.dist-info')}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", about)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """What an index has, without a network: Sluice and what it requires by itself, each an empty package."""
    folder = tmp_path / "index"
    folder.mkdir()
    empty_wheel(folder, DISTRIBUTION, str(metadata(DISTRIBUTION)))
    for one in map(Requirement, requires(DISTRIBUTION) or []):
        if one.marker is None:
            empty_wheel(folder, one.name, f"Metadata-Version: 2.1\nName: {one.name}\nVersion: {version(one.name)}\n")
    return folder


@pytest.mark.slow
def test_every_command_of_the_page(
    tmp_path: Path,
    index: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    on_a_new_machine: None,
) -> None:
    project, environment = tmp_path / "project", tmp_path / "venv"
    assert main(["init", str(project)]) == 0
    monkeypatch.chdir(project)
    (project / "requirements.txt").rename("requirements.in")
    (project / "lake" / "customers").mkdir(parents=True)
    customers = pl.DataFrame({"customer_id": range(10), "email": ["a@example.org"] * 10})
    customers.write_parquet(project / "lake" / "customers" / "0.parquet")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(index), "CACHE_DIR": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(f"UV_{name}", value)
    monkeypatch.setenv("VIRTUAL_ENV", str(environment))
    for line in COMMANDS:
        program, *words = shlex.split(line)
        if program == "uv":
            subprocess.run([UV, *words], check=True)
        elif words[0] != "run":
            assert (program, main(words)) == ("sluice", 0), capsys.readouterr().err
    locked = (project / "requirements.txt").read_text()
    assert f"{DISTRIBUTION}=={version(DISTRIBUTION)}" in locked
    assert "--hash=sha256:" in locked
    installed = {path.name for path in environment.glob("lib/python*/site-packages/*.dist-info")}
    assert f"{DISTRIBUTION.replace('-', '_')}-{version(DISTRIBUTION)}.dist-info" in installed
    assert f"apache_airflow-{version('apache-airflow')}.dist-info" in installed
    assert "nothing was sent" in capsys.readouterr().out


def test_one_command_of_the_page_needs_an_airflow() -> None:
    """`tests/integration/test_commands.py` runs it there."""
    assert [line for line in COMMANDS if line.startswith("sluice run ")] == ["sluice run EXPORT --mode full --wait"]


def test_the_page_names_the_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (airflow,) = (one for one in map(Requirement, project["dependencies"]) if one.name == "apache-airflow")
    named = re.search(r"runs on Airflow `(\S+)` and Python `(\S+)`", PAGE)
    assert named is not None
    assert sorted(named[1].split(",")) == sorted(str(airflow.specifier).split(","))
    assert named[2] == project["requires-python"]
    assert f"Staged files carry a number, currently {SCHEMA}." in PAGE
