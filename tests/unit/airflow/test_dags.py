"""The DAGs as Airflow gets them: their tasks, their order, and what survives serialisation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from sluice.airflow.dags import SYSTEM_REFRESH, export_dags
from sluice.airflow.refresh import refresh_dag
from sluice.airflow.triggers.refreshes import RefreshesIdleTrigger, describe
from tests.builders import World

FILES = {
    "catalog/datasets.yaml": """
        people:
          kind: profile
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: people}
          refreshed_by: crm
        """,
    "catalog/segments.yaml": """
        vips: {dataset: people, where: id < 10}
        best: {dataset: people, sql: select id from vips, reads: [vips]}
        """,
    "catalog/refreshes.yaml": """
        system_refresh: {type: system, schedule: {cron: "0 3 * * *"}}
        crm: {type: dag, dag_id: crm_load, in_system_refresh: true}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/best.yaml": """
        # our best people
        kind: segment-export
        connection: out
        segments: [best, vips]
        fields: [id]
        owner: crm-team
        tags: [daily]
        retries: 4
        """,
    "exports/by_hand.yaml": '{kind: dataset-export, connection: out, datasets: [people], schedule: "off"}',
    "exports/nightly.yaml": "{kind: dataset-export, connection: out, datasets: [people], schedule: {cron: 0 4 * * *}}",
    "exports/wrong.yaml": "{kind: dataset-export, connection: out, datasets: [peple]}",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("dags"))
    world.declare(FILES)
    return world


@pytest.fixture(scope="module")
def dags(world: World) -> dict[str, DAG]:
    return {dag.dag_id: dag for dag in export_dags(world.include, None)}


def test_every_export_is_a_dag_and_a_broken_one_too(dags: dict[str, DAG]) -> None:
    assert sorted(dags) == ["export__best", "export__by_hand", "export__nightly", "export__wrong"]


def test_the_tasks_in_their_order(dags: dict[str, DAG]) -> None:
    dag = dags["export__best"]
    downstream = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
    assert downstream == {
        "wait_for_refreshes": ["extract"],
        "extract": ["abort", "chunk", "publish", "upload"],
        "chunk": ["publish", "upload"],
        "upload": ["publish"],
        "publish": ["abort"],
        "abort": [],
    }
    assert dag.get_task("abort").is_teardown
    assert dag.get_task("upload").is_mapped


def test_a_dag_says_what_was_declared(dags: dict[str, DAG]) -> None:
    dag = dags["export__best"]
    assert "# our best people" in (dag.doc_md or "")
    assert dag.tags == {"sluice", "segment-export", "out", "daily"}
    assert (dag.get_task("extract").owner, dag.get_task("extract").retries) == ("crm-team", 4)
    assert dag.max_active_runs == 1
    assert dag.params["feeds"] == []
    assert dag.params.get_param("feeds").schema["items"]["enum"] == ["best", "vips"]


def test_it_waits_for_all_it_depends_on(dags: dict[str, DAG]) -> None:
    assert dags["export__best"].get_task("wait_for_refreshes").refreshes == ["crm_load", "system_refresh"]
    assert dags["export__nightly"].get_task("wait_for_refreshes").refreshes == ["crm_load"]


def test_schedules(dags: dict[str, DAG]) -> None:
    assert dags["export__best"].schedule == SYSTEM_REFRESH
    assert dags["export__by_hand"].schedule is None
    assert dags["export__nightly"].schedule.expression == "0 4 * * *"


def test_a_broken_export_shows_its_error_and_fails_with_it(dags: dict[str, DAG]) -> None:
    dag = dags["export__wrong"]
    assert "broken" in dag.tags
    assert "exports/wrong.yaml:1:" in (dag.doc_md or "")
    assert "people" in dag.get_task("broken_declaration").page
    assert dag.schedule == SYSTEM_REFRESH


def test_a_task_start_builds_its_own_dag_alone(world: World) -> None:
    assert [dag.dag_id for dag in export_dags(world.include, "export__by_hand")] == ["export__by_hand"]
    assert [dag.tags for dag in export_dags(world.include, "export__wrong")] == [{"sluice", "broken"}]
    assert list(export_dags(world.include, "system_refresh")) == []


def test_segments_are_refreshed_in_dependency_order(world: World) -> None:
    dag = refresh_dag(world.include)
    downstream = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
    assert downstream["refresh__crm"] == ["segment__vips"]
    assert downstream["segment__vips"] == ["refreshed", "segment__best"]
    assert downstream["segment__best"] == ["refreshed"]
    assert dag.get_task("refreshed").outlets == [SYSTEM_REFRESH]
    assert dag.schedule.expression == "0 3 * * *"


def test_every_dag_survives_serialisation(dags: dict[str, DAG], world: World) -> None:
    for dag in (*dags.values(), refresh_dag(world.include)):
        stored = json.loads(json.dumps(DagSerialization.to_dict(dag)))
        restored = DagSerialization.from_dict(stored)
        assert sorted(restored.task_dict) == sorted(task.task_id for task in dag.tasks)
        assert json.loads(json.dumps(DagSerialization.to_dict(dag))) == stored, "a parse gives the same DAG each time"


def test_a_trigger_is_rebuilt_from_what_it_says_of_itself() -> None:
    trigger = RefreshesIdleTrigger({"a": ["running"], "b": ["queued", "running"]}, poll=2.5)
    path, words = trigger.serialize()
    assert path == "sluice.airflow.triggers.refreshes.RefreshesIdleTrigger"
    assert RefreshesIdleTrigger(**words).serialize() == (path, words)


def test_waiting_is_described() -> None:
    assert describe({"b": 2, "a": 1}) == "a (1 run), b (2 runs)"


def test_no_declaration_is_read_twice_by_name(world: World, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    assert list(export_dags(tmp_path, None)) == []
