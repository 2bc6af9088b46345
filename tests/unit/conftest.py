"""What unit tests share."""

from __future__ import annotations

import pytest


@pytest.fixture
def on_a_new_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment names a project, and no connection of `sluice init` is known. Commands set connections in the
    environment: afterwards they are as they were before."""
    for name in ("SLUICE_INCLUDE", "SLUICE_HOME", "AIRFLOW_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("LAKE", "SLUICE_STAGING", "DELIVERIES"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", "")
        monkeypatch.delenv(f"AIRFLOW_CONN_{name}")
    monkeypatch.setattr("sluice.where._dag_file", None)
