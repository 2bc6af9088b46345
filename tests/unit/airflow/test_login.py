"""Which Airflow the commands speak to, and what they say where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.ports import free_port
from sluice.airflow.login import LOCAL, login
from sluice.errors import FatalError


@pytest.fixture(autouse=True)
def _nobody_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "TOKEN", "USER", "PASSWORD"):
        monkeypatch.delenv(f"SLUICE_AIRFLOW_{name}", raising=False)


def test_without_any_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="no Airflow is named") as page:
        login(tmp_path / "include")
    assert "make up" in page.value.page()
    assert "SLUICE_AIRFLOW_URL" in page.value.page()


def test_the_one_on_this_machine_is_found_beside_the_declarations(tmp_path: Path) -> None:
    record = tmp_path / LOCAL
    record.parent.mkdir(parents=True)
    url = f"http://127.0.0.1:{free_port(0)}"
    record.write_text(json.dumps({"url": url, "user": "admin", "password": "x", "database": "sqlite://"}))
    with pytest.raises(FatalError, match=f"Airflow does not answer: {url}"):
        login(tmp_path / "include")


def test_one_that_is_named_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / LOCAL
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"url": "http://127.0.0.1:1", "user": "admin", "password": "x"}))
    url = f"http://127.0.0.1:{free_port(0)}"
    monkeypatch.setenv("SLUICE_AIRFLOW_URL", url)
    monkeypatch.setenv("SLUICE_AIRFLOW_TOKEN", "t")
    with pytest.raises(FatalError, match=f"Airflow does not answer: {url}"):
        login(tmp_path / "include")
