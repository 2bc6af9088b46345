"""What an export's DAG carries for its alerts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from sluice.airflow.alerts import carries
from sluice.airflow.dags import export_dags
from sluice.definition.models.alerts import Alert
from sluice.errors import DefinitionError
from tests.builders import World

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/quiet.yaml": '{kind: dataset-export, connection: out, datasets: [people], mode: full, schedule: "off"}',
    "exports/told.yaml": """
        kind: dataset-export
        connection: out
        datasets: [people]
        mode: full
        schedule: "off"
        late_after: 2 hours
        alerts: [{on: [failed, late], to: ops}]
        """,
}


@pytest.mark.slow
def test_no_notice_waits_for_a_parse(tmp_path: Path) -> None:
    """Callbacks of the DAG run where all exports are parsed first, and Airflow kills that after a minute."""
    world = World(tmp_path)
    world.declare(FILES)
    quiet, told = (DagSerialization.to_dict(dag)["dag"] for dag in export_dags(world.include, None))
    for dag in (quiet, told):
        assert not {name for name in dag if name.startswith("has_on_") and dag[name]}
    assert not quiet.get("deadline")
    deadline = json.dumps(told["deadline"], default=str)
    assert "sluice.airflow.alerts.late" in deadline
    assert "7200" in deadline


def test_the_last_task_knows_who_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare(FILES)
    (dag,) = export_dags(world.include, "export__told")
    listeners = dag.get_task("finish").listeners
    assert (listeners.name, listeners.alerts) == ("told", (Alert(to="ops", on=("failed", "late")),))


def test_a_broken_export_tells_whom_the_projects_defaults_name(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare(FILES | {"exports/told.yaml": "kind: nonsense", "project.yaml": "defaults: {alerts: [{to: ops}]}"})
    for only in (None, "export__told"):
        dags = {dag.dag_id: dag for dag in export_dags(world.include, only)}
        told = dags["export__told"].get_task("finish").listeners
        assert (told.name, told.alerts) == ("told", (Alert(to="ops"),))
    world.declare({"project.yaml": "defaults: {alerts: [{on: [nonsense], to: ops}]}"})
    (broken,) = export_dags(world.include, "export__told")
    assert broken.get_task("finish").listeners.alerts == ()


@pytest.mark.slow
def test_whether_a_connection_carries_notices_is_known_before_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps({"conn_type": "http", "host": "http://127.0.0.1"}))
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps({"conn_type": "smtp", "host": "127.0.0.1"}))
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps({"conn_type": "fs"}))
    assert carries(Alert(to="ops"), "orders") == "http"
    assert carries(Alert(to="mail", email=("a@example.com",)), "orders") == "smtp"
    for to in ("mail", "lake", "nowhere"):
        with pytest.raises(DefinitionError, match=to):
            carries(Alert(to=to), "orders")
