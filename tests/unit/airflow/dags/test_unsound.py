"""An export that is broken, detached or removed is a DAG all the same: its runs end, and the other DAGs stay."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions._internal.node import KEY_REGEX
from airflow.sdk.exceptions import AirflowFailException

from sluice.airflow import dags as dags_module
from sluice.airflow.dags import export_dags
from sluice.airflow.operators.follow_up import FollowUpOperator
from sluice.airflow.record import SYSTEM_REFRESH
from sluice.airflow.refresh import refresh_dag
from sluice.airflow.removed import removed
from sluice.definition.models.export import Export
from tests.builders import World
from tests.unit.airflow.dags.declared import FILES


@pytest.mark.slow
def test_every_export_is_a_dag_and_a_broken_one_too(dags: dict[str, DAG]) -> None:
    names = ("after_nightly", "best", "by_hand", "first", "fresh", "launch", "nightly", "resting", "wrong")
    assert sorted(dags) == [f"export__{name}" for name in names]


def test_a_broken_export_shows_its_error_and_fails_with_it(dags: dict[str, DAG]) -> None:
    dag = dags["export__wrong"]
    assert "broken" in dag.tags
    assert "exports/wrong.yaml:1:" in (dag.doc_md or "")
    assert "people" in dag.get_task("broken_declaration").page
    sound = {task.task_id: task.is_mapped for task in dags["export__best"].tasks}
    tasks = {task.task_id: task.is_mapped for task in dag.tasks}
    assert tasks == sound | {"broken_declaration": False}, "a run that was under way finds its tasks"
    assert dag.get_task("finish").on_failure_fail_dagrun
    assert dag.schedule == SYSTEM_REFRESH


def test_a_task_starts_that_its_dag_had_when_airflow_parsed_it_last(world: World) -> None:
    """`broken_declaration` of an export that was mended or attached since; `follow_up` of one whose command is gone."""
    (mended,) = export_dags(world.include, "export__best")
    mended.get_task("broken_declaration").execute({})
    assert isinstance(mended.get_task("follow_up"), FollowUpOperator), "the run's plan has the command"
    (broken,) = export_dags(world.include, "export__wrong")
    with pytest.raises(AirflowFailException, match="people"):
        broken.get_task("follow_up").execute({})
    parsed = {dag.dag_id: dag for dag in export_dags(world.include, None)}
    assert not parsed["export__best"].has_task("broken_declaration")
    assert not parsed["export__wrong"].has_task("follow_up")


@pytest.mark.slow
def test_what_airflow_takes_no_dag_of_is_a_broken_dag_and_the_others_stay(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = dags_module.deadline

    def deadline_of(export: Export) -> dict[str, Any]:
        if export.name == "best":
            raise ValueError("what Airflow says, with a value")
        return real(export)

    monkeypatch.setattr(dags_module, "deadline", deadline_of)
    dags = {dag.dag_id: dag for dag in export_dags(world.include, None)}
    broken = {name for name, dag in dags.items() if "broken" in dag.tags}
    assert broken == {"export__best", "export__wrong"}
    page = dags["export__best"].get_task("broken_declaration").page
    assert "exports/best.yaml:3:1  a bug in Sluice prevents it from reading this: ValueError" in page
    assert "with a value" not in page
    assert [dag.tags for dag in export_dags(world.include, "export__best")] == [{"sluice", "broken"}]


def test_a_refresh_that_airflow_takes_no_dag_of_is_a_broken_dag(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.airflow.refresh.order", lambda project: 1 / 0)
    dag = refresh_dag(world.include)
    assert (dag.dag_id, "broken" in dag.tags) == ("system_refresh", True)
    assert "ZeroDivisionError" in dag.get_task("broken_declaration").page


@pytest.mark.slow
def test_a_file_by_any_name_is_a_dag_that_its_tasks_find_again(tmp_path: Path) -> None:
    """Each with an id that Airflow takes, and that no export by a right name can have."""
    names = ["Bad Name", "bad name", "bad_name", "ä", "x" * 240, "a.b", "a\nb"]
    (tmp_path / "exports").mkdir()
    for name in names:
        (tmp_path / "exports" / f"{name}.yaml").write_text("kind: dataset-export\n")
    dags = list(export_dags(tmp_path, None))
    assert len({dag.dag_id for dag in dags}) == len(names)
    assert all(KEY_REGEX.fullmatch(dag.dag_id) and len(dag.dag_id) <= 250 for dag in dags)
    for dag in dags:
        [again] = export_dags(tmp_path, dag.dag_id)
        assert (again.dag_id, "broken" in again.tags) == (dag.dag_id, True)


def test_a_detached_export_keeps_its_dag_and_runs_fail_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    world = World(tmp_path)
    world.declare(FILES)
    list(export_dags(world.include, None))
    path = world.include / "exports" / "best.yaml"
    path.write_text(path.read_text().replace("connection: out\n", "title: Best\n"))
    dags = {dag.dag_id: dag for dag in export_dags(world.include, None)}
    (alone,) = export_dags(world.include, "export__best")
    for dag in (dags["export__best"], alone):
        assert (dag.schedule, dag.tags, dag.dag_display_name) == (None, {"sluice", "detached"}, "Best (best)")
        assert (dag.doc_md or "").startswith("## This declaration is detached")
        assert {"wait_for_refreshes", "extract", "upload", "publish", "finish"} <= {task.task_id for task in dag.tasks}
        page = dag.get_task("broken_declaration").page
        assert page.startswith("export best has no connection: nothing is published\n  next: choose a connection with")
        assert dag.get_task("finish").listeners.declared.name == "best"
    assert "removed" not in {tag for dag in dags.values() for tag in dag.tags}


def test_a_removed_export_stays_for_a_day_so_that_its_runs_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    world = World(tmp_path)
    world.declare(FILES)
    assert "removed" not in {tag for dag in export_dags(world.include, None) for tag in dag.tags}
    (world.include / "exports" / "best.yaml").unlink()
    for _ in range(2):
        dags = {dag.dag_id: dag for dag in export_dags(world.include, None)}
        gone = dags["export__best"]
        assert gone.tags == {"sluice", "removed"}
        assert "was removed during this run" in gone.get_task("broken_declaration").page
        assert {"wait_for_refreshes", "extract", "upload", "publish", "finish"} <= {task.task_id for task in gone.tasks}
        assert gone.schedule is None, "it starts no run"
    later = datetime.now(UTC) + timedelta(hours=25)
    assert removed(world.include, {"nightly"}, later) == []
    declared = {name.removeprefix("export__") for name in dags} - {"best"}
    assert removed(world.include, declared) == []


@pytest.mark.parametrize("damage", ["no home", "no JSON", "other JSON"])
def test_without_a_memory_of_exports_the_others_are_dags_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    assert removed(tmp_path, {"a", "b"}) == []
    (memory,) = (home / "sluice").iterdir()
    if damage == "no home":
        shutil.rmtree(home)
        home.write_text("a file")
    else:
        memory.write_text({"no JSON": "{", "other JSON": '["a", 1]'}[damage])
    assert removed(tmp_path, {"a"}) == []
