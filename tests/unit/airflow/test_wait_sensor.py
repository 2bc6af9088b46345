"""`wait_for_refreshes` in its worker."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from sluice.airflow.operators.chunk import ChunkOperator
from sluice.airflow.operators.extract import ExtractOperator
from sluice.airflow.operators.finish import FinishOperator
from sluice.airflow.operators.publish import PublishOperator
from sluice.airflow.operators.upload import UploadOperator
from sluice.airflow.sensors import refreshes as module
from sluice.airflow.sensors.refreshes import WaitForRefreshesSensor
from sluice.definition.load import load_export
from tests.builders import NOW, World

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: p}, refreshed_by: crm}
        """,
    "catalog/refreshes.yaml": "crm: {type: dag, dag_id: crm_load}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/people.yaml": "{kind: data-out-export, connection: out, entities: [people]}",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    return world


def test_a_run_that_has_to_wait_leaves_its_worker_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Any] = []

    def busy(*asked: Any) -> dict[str, int]:
        looks.append(asked)
        return {"crm_load": 1}

    monkeypatch.setattr(module, "busy", busy)
    monkeypatch.setattr(module, "watched", lambda *_: {"crm_load": {"states": ["running"], "ignored": []}})
    monkeypatch.setattr(WaitForRefreshesSensor, "_begin", lambda *_: None)
    project, export = load_export(world.include, "people")
    staging = project.settings.staging
    sensor = WaitForRefreshesSensor(task_id="wait", export=export, refreshes=["crm_load"], staging=staging)
    run = SimpleNamespace(logical_date=None, run_after=NOW, run_id="manual__1", run_type="manual", conf={})
    kept: dict[str, Any] = {}
    context: Any = {"run_id": run.run_id, "dag_run": run, "task_state_store": SimpleNamespace(set=kept.__setitem__)}
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context)
    assert len(looks) == 1
    assert deferred.value.trigger.refreshes == {"crm_load": {"states": ["running"], "ignored": []}}
    assert kept["waiting"]["for"] == "crm_load (1 run)"


def test_airflow_stores_no_rendered_fields() -> None:
    """It would be a request for each task, with what the task before it has returned."""
    for operator in (
        WaitForRefreshesSensor,
        ExtractOperator,
        ChunkOperator,
        UploadOperator,
        PublishOperator,
        FinishOperator,
    ):
        assert operator.template_fields == ()
