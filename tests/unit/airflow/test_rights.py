"""When DAGs name roles: only under FAB, and only those that are recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from sluice.airflow.dags import export_dags
from sluice.airflow.rights import existing_roles
from tests.builders import World

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
EXPORT = "{{kind: dataset-export, connection: {}, datasets: [people], mode: full, schedule: 'off'}}"
FILES = {
    "catalog/datasets.yaml": "people: {kind: event, key: id, source: {type: parquet, airflow_conn_id: l, path: p}}",
    "connections/ours.yaml": "{type: local, airflow_conn_id: out, shared_with: [marketing, finance]}",
    "connections/admins.yaml": "{type: local, airflow_conn_id: out}",
    "exports/shared.yaml": EXPORT.format("ours"),
    "exports/private.yaml": EXPORT.format("admins"),
    "exports/broken.yaml": EXPORT.format("nowhere"),
    "exports/detached.yaml": EXPORT.format("''"),
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    return world


def named(world: World, only: str | None = None) -> dict[str, object]:
    """The roles that each DAG names once it was stored: None if it leaves rights alone."""
    dags = [DagSerialization.from_dict(DagSerialization.to_dict(dag)) for dag in export_dags(world.include, only)]
    return {dag.dag_id.removeprefix("export__"): dag.access_control and sorted(dag.access_control) for dag in dags}


def test_under_the_simple_auth_manager_dags_name_no_roles(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_SLUICE_ROLES", '["marketing"]')
    assert existing_roles() is None
    assert named(world) == dict.fromkeys(("shared", "private", "broken", "detached"))


def test_under_fab_dags_name_the_recorded_roles(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", FAB)
    monkeypatch.setenv("AIRFLOW_VAR_SLUICE_ROLES", json.dumps(["marketing", "sluice-viewer"]))
    viewers = ["sluice-viewer"]
    everyone = dict.fromkeys(("private", "broken", "detached"), viewers)
    assert named(world) == {"shared": ["marketing", "sluice-viewer"], **everyone}
    monkeypatch.setenv("AIRFLOW_VAR_SLUICE_ROLES", "[]")
    revoked: dict[str, object] = {name: {} for name in ("shared", "private", "broken", "detached")}
    assert named(world) == revoked, "rights are revoked, which None would not do"


def test_the_start_of_a_task_looks_up_no_roles(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.airflow.dags.existing_roles", lambda: pytest.fail("it was asked"))
    assert named(world, "export__shared") == {"shared": None}


@pytest.mark.parametrize("recorded", ["not json", '"marketing"', "{}", "7"])
def test_a_record_that_cannot_be_read_leaves_rights_alone(
    recorded: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", FAB)
    monkeypatch.setenv("AIRFLOW_VAR_SLUICE_ROLES", recorded)
    assert named(world) == dict.fromkeys(("shared", "private", "broken", "detached"))
