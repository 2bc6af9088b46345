"""The tasks of a DAG, their order, and what is declared for them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from sluice.airflow.dags import export_dags
from sluice.airflow.plugin import SluicePlugin
from sluice.airflow.record import SYSTEM_REFRESH
from sluice.airflow.refresh import refresh_dag
from tests.builders import World
from tests.unit.airflow.dags.declared import FILES


def test_the_tasks_in_their_order(dags: dict[str, DAG]) -> None:
    dag = dags["export__best"]
    downstream = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
    assert downstream == {
        "wait_for_refreshes": ["extract"],
        "extract": ["chunk", "finish", "publish", "upload"],
        "chunk": ["publish", "upload"],
        "upload": ["publish"],
        "publish": ["finish"],
        "finish": [],
    }
    finish = dag.get_task("finish")
    assert (finish.is_teardown, finish.on_failure_fail_dagrun) == (True, True)
    assert dag.get_task("upload").is_mapped


@pytest.mark.slow
def test_a_dag_says_what_was_declared(dags: dict[str, DAG]) -> None:
    dag = dags["export__best"]
    assert "# our best people" in (dag.doc_md or "")
    assert dag.tags == {"sluice", "segment-export", "out", "daily"}
    assert (dag.get_task("extract").owner, dag.get_task("extract").retries) == ("crm-team", 4)
    limits = {task.task_id: task.execution_timeout for task in dag.tasks}
    limited = dict.fromkeys(("extract", "chunk", "upload", "publish"), timedelta(hours=2))
    assert limits == limited | {"wait_for_refreshes": None, "finish": None}
    assert dag.max_active_runs == 1
    assert dag.params["segments"] == []
    assert dag.params.get_param("segments").schema["items"]["enum"] == ["best", "vips"]


def test_an_export_with_a_title_is_found_by_its_name_too(world: World, tmp_path: Path) -> None:
    other = World(tmp_path)
    other.declare(FILES | {"exports/best.yaml": f"title: Our best\n{dedent(FILES['exports/best.yaml'])}"})
    (dag,) = export_dags(other.include, "export__best")
    assert dag.dag_display_name == "Our best (best)"
    (plain,) = export_dags(world.include, "export__best")
    assert plain.dag_display_name == "best"


def test_a_run_links_to_its_manifest_and_its_report(dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server makes the links from what `publish` has returned: no run pays for them."""
    publish = dags["export__best"].get_task("publish")
    ti = SimpleNamespace(dag_id="export__best", run_id="manual__a+b", task_id="publish")
    links = {link.name: link for link in SluicePlugin.operator_extra_links}
    for manifest, shown in (("/out/m.json", "file:///out/m.json"), ("s3://b/m.json", "s3://b/m.json"), (None, "")):
        value = {"manifest": manifest} if manifest else None
        monkeypatch.setattr("sluice.airflow.links.returned", lambda _, value=value: value)
        assert links["Manifest"].get_link(publish, ti_key=ti) == shown
        report = links["Report"].get_link(publish, ti_key=ti)
        path = "/api/v2/dags/export__best/dagRuns/manual__a%2Bb/taskInstances/publish/xcomEntries/return_value"
        assert report.endswith(path) if manifest else report == ""
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dags["export__best"]))
    assert {task.task_id: task.extra_links for task in stored.tasks if task.extra_links} == {
        "publish": ["Manifest", "Report"]
    }


def test_it_waits_for_all_it_depends_on(dags: dict[str, DAG]) -> None:
    assert dags["export__best"].get_task("wait_for_refreshes").refreshes == ["crm_load", "system_refresh"]
    assert dags["export__nightly"].get_task("wait_for_refreshes").refreshes == ["crm_load"]
    assert dags["export__fresh"].get_task("wait_for_refreshes").refreshes == ["crm_load", "system_refresh"]


def test_a_connection_s_limit_is_a_pool(dags: dict[str, DAG]) -> None:
    assert dags["export__after_nightly"].get_task("upload").partial_kwargs["pool"] == "sluice_narrow"
    assert dags["export__nightly"].get_task("upload").partial_kwargs["pool"] == "default_pool"


def test_a_refresh_is_tried_again_as_soon_as_an_export(world: World) -> None:
    task = refresh_dag(world.include).get_task("segment__vips")
    export = next(iter(export_dags(world.include, "export__best"))).get_task("extract")
    assert (task.retry_delay, task.retry_exponential_backoff) == (export.retry_delay, export.retry_exponential_backoff)


def test_segments_are_refreshed_in_dependency_order(world: World) -> None:
    dag = refresh_dag(world.include)
    downstream = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
    assert downstream["refresh__crm"] == ["segment__vips"]
    assert downstream["segment__vips"] == ["refreshed", "segment__best"]
    assert downstream["segment__best"] == ["refreshed"]
    assert dag.get_task("refreshed").outlets == [SYSTEM_REFRESH]
    assert downstream["refreshed"] == ["record_failure"]
    assert dag.get_task("record_failure").is_teardown, "its success must not hide that the refresh has failed"
    assert dag.schedule.expression == "0 3 * * *"
