"""Which Airflow the commands speak to, and what they say where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.ports import free_port
from sluice.airflow.local import Local
from sluice.airflow.login import login
from sluice.errors import FatalError
from sluice.where import where


@pytest.fixture(autouse=True)
def _nobody_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INCLUDE", "HOME", "AIRFLOW_URL", "AIRFLOW_TOKEN", "AIRFLOW_USER", "AIRFLOW_PASSWORD"):
        monkeypatch.delenv(f"SLUICE_{name}", raising=False)
    monkeypatch.setattr("sluice.where.CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)


def recorded(include: Path) -> str:
    """The record of a local Airflow that does not answer; its address."""
    url = f"http://127.0.0.1:{free_port(0)}"
    where().running.parent.mkdir(parents=True)
    where().running.write_text(Local(url, "admin", "x", str(include), {}).text())
    return url


def test_without_any_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="no Airflow is named") as page:
        login(tmp_path / "include")
    assert "make up" in page.value.page()
    assert "SLUICE_AIRFLOW_URL" in page.value.page()


def test_the_one_on_this_machine_is_found(tmp_path: Path) -> None:
    url = recorded(tmp_path / "include")
    with pytest.raises(FatalError, match=f"Airflow does not answer: {url}"):
        login(tmp_path / "include")


def test_it_is_found_with_declarations_elsewhere(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C9: `SLUICE_INCLUDE` moves the declarations, and nothing else."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    url = recorded(elsewhere)
    monkeypatch.setenv("SLUICE_INCLUDE", str(elsewhere))
    with pytest.raises(FatalError, match=f"Airflow does not answer: {url}"):
        login(where().include)


def test_one_that_runs_other_declarations_starts_nothing(tmp_path: Path) -> None:
    recorded(tmp_path / "other")
    with pytest.raises(FatalError, match="the local Airflow runs the declarations in") as page:
        login(tmp_path / "include")
    assert f"SLUICE_INCLUDE={tmp_path / 'other'} sluice" in page.value.page()


def test_one_that_is_named_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(tmp_path / "include")
    url = f"http://127.0.0.1:{free_port(0)}"
    monkeypatch.setenv("SLUICE_AIRFLOW_URL", url)
    monkeypatch.setenv("SLUICE_AIRFLOW_TOKEN", "t")
    with pytest.raises(FatalError, match=f"Airflow does not answer: {url}"):
        login(tmp_path / "include")
