"""A library that is not installed is named with the extra that brings it; the extras are those of the package."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from pathlib import Path

import pytest

from sluice.cli import main
from sluice.errors import FatalError
from sluice.extras import DISTRIBUTION, EXTRAS, needing_extras

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize(
    ("module", "extra"), [("asyncssh", "sftp"), ("azure.storage.blob.aio", "azure"), ("airflow.providers.sftp", "sftp")]
)
def test_an_extra_that_is_missing_is_named(module: str, extra: str) -> None:
    with pytest.raises(FatalError, match=rf"airflow-provider-sluice\[{extra}\]") as raised, needing_extras():
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    assert raised.value.next_step.endswith(f"pip install 'airflow-provider-sluice[{extra}]'")


def test_other_modules_are_no_extras() -> None:
    with pytest.raises(ModuleNotFoundError), needing_extras():
        raise ModuleNotFoundError("No module named 'airflow'", name="airflow")


def test_a_command_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def needs(_: object) -> int:
        raise ModuleNotFoundError("No module named 'deltalake'", name="deltalake")

    monkeypatch.setattr("sluice.commands.plan.plan", needs)
    assert main(["plan", "any"]) == 1
    assert "airflow-provider-sluice[delta]" in capsys.readouterr().err


def test_every_extra_exists_and_every_module_too() -> None:
    extras = PROJECT["optional-dependencies"]
    assert set(EXTRAS.values()) <= set(extras)
    assert [module for module in EXTRAS if find_spec(module) is None] == []
    everything = extras["all"][0].partition("[")[2].rstrip("]").split(",")
    assert sorted(everything) == sorted(set(extras) - {"all", "testing"})


def test_what_is_pinned_here_is_what_the_package_allows() -> None:
    """The versions of this repository's own Airflow are within the package's bounds."""
    from packaging.requirements import Requirement

    listed = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    for text in listed:
        wanted = Requirement(re.sub(r"\s*#.*", "", text))
        if wanted.name != DISTRIBUTION:
            assert wanted.specifier.contains(version(wanted.name)), text


def test_airflow_finds_the_provider_and_the_plugins() -> None:
    (provider,) = (one for one in entry_points(group="apache_airflow_provider") if one.value.startswith("sluice"))
    assert provider.load()()["package-name"] == DISTRIBUTION
    found = {one.load() for one in entry_points(group="airflow.plugins") if one.value.startswith("sluice")}
    timetable, page = sorted(found, key=lambda plugin: plugin.name)
    assert timetable.timetables
    assert page.fastapi_apps
