"""The DAGs as Airflow gets them: their tasks, their order, and what survives serialisation."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, Param
from airflow.sdk.definitions._internal.node import KEY_REGEX
from airflow.sdk.exceptions import AirflowFailException
from airflow.serialization.serialized_objects import DagSerialization

from sluice.airflow import dags as dags_module
from sluice.airflow.dags import export_dags
from sluice.airflow.form import form
from sluice.airflow.operators.follow_up import FollowUpOperator
from sluice.airflow.plugin import SluicePlugin
from sluice.airflow.record import SYSTEM_REFRESH
from sluice.airflow.refresh import refresh_dag
from sluice.airflow.removed import removed
from sluice.airflow.schedules import export_asset
from sluice.airflow.shards import Shard
from sluice.definition import folder
from sluice.definition.load import load_export
from sluice.definition.models.export import Export
from sluice.definition.models.rows import Expect, Rejects
from sluice.definition.yaml import parse
from sluice.definition.yaml.position import Document
from sluice.errors import DefinitionError
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
    "connections/narrow.yaml": "{type: local, airflow_conn_id: out, limits: {at_once: 2}}",
    "exports/best.yaml": """
        # our best people
        kind: segment-export
        connection: out
        segments: [best, vips]
        fields: [id]
        owner: crm-team
        tags: [daily]
        retries: 4
        time_limit: 2h
        """,
    "exports/by_hand.yaml": '{kind: dataset-export, connection: out, datasets: [people], schedule: "off"}',
    "exports/nightly.yaml": """
        kind: dataset-export
        connection: out
        datasets: [people]
        schedule: {daily: "04:00", start: 2026-12-01, end: 2027-11-30}
        """,
    "exports/after_nightly.yaml": """
        kind: dataset-export
        connection: narrow
        datasets: [people]
        schedule: {after: nightly, end: 2027-11-30}
        """,
    "exports/first.yaml": "{kind: dataset-export, connection: out, datasets: [people], schedule: once}",
    "exports/launch.yaml": """
        {kind: dataset-export, connection: out, datasets: [people], schedule: {once: 2026-12-01T06:30}}
        """,
    "exports/resting.yaml": """
        {kind: segment-export, connection: out, segments: [vips], fields: [id], enabled: false}
        """,
    "exports/fresh.yaml": """
        kind: dataset-export
        connection: out
        datasets: [people]
        schedule: {every: 6 hours, at: "00:30", end: 2027-11-30, after_refresh: true}
        """,
    "exports/wrong.yaml": "{kind: dataset-export, connection: out, datasets: [peple]}",
}


def files_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The declarations that are read from now on: folder and file."""
    read: list[str] = []
    real = parse.read

    def noted(path: Path, *more: Any) -> Document:
        read.append(f"{path.parent.name}/{path.name}")
        return real(path, *more)

    monkeypatch.setattr(parse, "read", noted)
    return read


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("dags"))
    world.declare(FILES)
    return world


@pytest.fixture(scope="module")
def dags(world: World) -> dict[str, DAG]:
    return {dag.dag_id: dag for dag in export_dags(world.include, None)}


@pytest.mark.slow
def test_every_export_is_a_dag_and_a_broken_one_too(dags: dict[str, DAG]) -> None:
    names = ("after_nightly", "best", "by_hand", "first", "fresh", "launch", "nightly", "resting", "wrong")
    assert sorted(dags) == [f"export__{name}" for name in names]


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


def test_no_field_of_the_form_is_required(world: World) -> None:
    """Airflow's form marks a field as required if null is none of its types."""
    for name in ("best", "by_hand", "nightly"):
        for field, param in form(load_export(world.include, name)[1]).items():
            assert "null" in param.schema["type"], field


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


def test_a_refresh_is_tried_again_as_soon_as_an_export(world: World) -> None:
    task = refresh_dag(world.include).get_task("segment__vips")
    export = next(iter(export_dags(world.include, "export__best"))).get_task("extract")
    assert (task.retry_delay, task.retry_exponential_backoff) == (export.retry_delay, export.retry_exponential_backoff)


def test_the_form_releases_only_what_may_be_held(world: World) -> None:
    export = load_export(world.include, "best")[1]
    assert "release" not in form(export)
    for held in ({"expect": Expect(on_breach="hold")}, {"rejects": Rejects(on_exceeded="hold")}):
        assert form(export.model_copy(update=held))["release"].value is False


def test_it_waits_for_all_it_depends_on(dags: dict[str, DAG]) -> None:
    assert dags["export__best"].get_task("wait_for_refreshes").refreshes == ["crm_load", "system_refresh"]
    assert dags["export__nightly"].get_task("wait_for_refreshes").refreshes == ["crm_load"]
    assert dags["export__fresh"].get_task("wait_for_refreshes").refreshes == ["crm_load", "system_refresh"]


def test_schedules(dags: dict[str, DAG]) -> None:
    assert dags["export__best"].schedule == SYSTEM_REFRESH
    assert dags["export__by_hand"].schedule is None
    assert dags["export__resting"].schedule is None, "it is switched off"
    assert dags["export__after_nightly"].schedule == export_asset("nightly")
    assert dags["export__nightly"].get_task("publish").asset == export_asset("nightly")
    inlets = {inlet.name for task in dags["export__nightly"].tasks for inlet in task.inlets}
    assert inlets == {"watermark/nightly"}, "an export does not follow itself"
    assert dags["export__nightly"].schedule.crons == ("0 4 * * *",)
    assert dags["export__fresh"].schedule.crons == ("30 0,6,12,18 * * *",)
    assert (dags["export__first"].schedule, dags["export__launch"].schedule) == ("@once", "@once")
    assert dags["export__first"].start_date is None
    assert dags["export__launch"].start_date == datetime(2026, 12, 1, 6, 30, tzinfo=UTC)


def test_a_schedule_by_the_clock_has_airflow_s_own_dates(dags: dict[str, DAG]) -> None:
    nightly = dags["export__nightly"]
    assert nightly.start_date == datetime(2026, 12, 1, tzinfo=UTC)
    assert nightly.end_date == datetime(2027, 12, 1, tzinfo=UTC) - timedelta(microseconds=1)
    assert not nightly.catchup
    assert dags["export__after_nightly"].end_date is None, "its first task holds it"


def test_the_page_says_when_it_runs_and_what_its_end_stops(dags: dict[str, DAG]) -> None:
    pages = {name: dag.doc_md or "" for name, dag in dags.items()}
    assert "Runs: daily at 04:00 UTC, from 2026-12-01 00:00 UTC, until 2027-11-30 23:59 UTC" in pages["export__nightly"]
    assert "later runs are skipped" in pages["export__after_nightly"]
    assert "Runs: after system_refresh. Switched off" in pages["export__resting"]
    assert "Runs only when someone starts it" in pages["export__by_hand"]
    assert "every 6 hours, counted from 00:30 UTC" in pages["export__fresh"]


def test_a_connection_s_limit_is_a_pool(dags: dict[str, DAG]) -> None:
    assert dags["export__after_nightly"].get_task("upload").partial_kwargs["pool"] == "sluice_narrow"
    assert dags["export__nightly"].get_task("upload").partial_kwargs["pool"] == "default_pool"


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


def test_the_form_belongs_to_the_dag_and_no_task_has_a_copy(dags: dict[str, DAG]) -> None:
    """Airflow checks every copy against its schema, several times, in each parse."""
    assert {"segments", "dry_run", "resend"} <= set(dags["export__best"].params)
    for dag in dags.values():
        assert [task.task_id for task in dag.tasks if task.params] == []
        stored = DagSerialization.to_dict(dag)["dag"]["tasks"]
        assert not any(task["__var"].get("params") for task in stored)


def test_no_parse_checks_the_form(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Param] = []
    monkeypatch.setattr(Param, "resolve", lambda self, *_, **__: checked.append(self))
    for dag in export_dags(world.include, None):
        DagSerialization.to_dict(dag)
    assert checked == []


def test_every_field_of_a_form_accepts_its_default(dags: dict[str, DAG]) -> None:
    """No parse checks it."""
    for dag in dags.values():
        dag.params.validate()


SHARDS = [
    {"gone", "wrong"},
    {"best", "resting"},
    {"nightly"},
    {"after_nightly", "by_hand", "first", "fresh", "launch"},
]
"""Where the names belong: a broken one and a removed one to the first. Another release must not move them."""


def test_shards_name_every_export_once(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The valid, broken and removed ones, and always in the same shard."""
    include = tmp_path / "include"
    shutil.copytree(world.include, include)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    (include / "exports" / "gone.yaml").write_text("{}")
    whole = {dag.dag_id for dag in export_dags(include, None)}
    (include / "exports" / "gone.yaml").unlink()
    shards = [[dag.dag_id for dag in export_dags(include, None, Shard(number, 4))] for number in (1, 2, 3, 4)]
    assert sorted(dag_id for shard in shards for dag_id in shard) == sorted(whole)
    assert [{dag_id.removeprefix("export__") for dag_id in shard} for shard in shards] == SHARDS
    assert shards == [[dag.dag_id for dag in export_dags(include, None, Shard(number, 4))] for number in (1, 2, 3, 4)]


def test_a_shard_reads_no_export_of_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read = files_read(monkeypatch)
    assert [dag.dag_id for dag in export_dags(world.include, None, Shard(3, 4))] == ["export__nightly"]
    assert {file for file in read if file.startswith("exports/")} == {"exports/nightly.yaml"}
    assert "connections/narrow.yaml" not in read


def test_a_task_finds_its_dag_in_any_shard(world: World) -> None:
    """The number of shards may have changed after the parse."""
    for number in (1, 2):
        [dag] = export_dags(world.include, "export__fresh", Shard(number, 2))
        assert dag.dag_id == "export__fresh"


@pytest.mark.parametrize(("number", "of"), [(0, 2), (3, 2), (1, 0)])
def test_a_shard_that_does_not_exist_is_refused(number: int, of: int) -> None:
    with pytest.raises(DefinitionError, match=f"no shard {number} of {of}"):
        Shard(number, of)


def test_the_system_refresh_reads_no_export(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read = files_read(monkeypatch)
    assert "segment__best" in refresh_dag(world.include).task_dict
    assert sorted(read) == ["catalog/datasets.yaml", "catalog/refreshes.yaml", "catalog/segments.yaml"]


def test_a_task_start_builds_its_own_dag_alone(world: World) -> None:
    assert [dag.dag_id for dag in export_dags(world.include, "export__by_hand")] == ["export__by_hand"]
    assert [dag.tags for dag in export_dags(world.include, "export__wrong")] == [{"sluice", "broken"}]
    assert list(export_dags(world.include, "system_refresh")) == []


def test_a_task_start_lists_the_files_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With thousands of exports, listing them is most of a task's start."""
    listed: list[str] = []
    real = folder.yaml_files
    monkeypatch.setattr(folder, "yaml_files", lambda path, strays: listed.append(path.name) or real(path, strays))
    assert [dag.doc_md for dag in export_dags(world.include, "export__best")]
    assert listed.count("exports") == 1


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


@pytest.mark.slow
def test_every_dag_survives_serialisation(dags: dict[str, DAG], world: World) -> None:
    for dag in (*dags.values(), refresh_dag(world.include)):
        stored = json.loads(json.dumps(DagSerialization.to_dict(dag)))
        restored = DagSerialization.from_dict(stored)
        assert sorted(restored.task_dict) == sorted(task.task_id for task in dag.tasks)
        assert json.loads(json.dumps(DagSerialization.to_dict(dag))) == stored, "a parse gives the same DAG each time"


def test_no_declaration_is_read_twice_by_name(world: World, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    assert list(export_dags(tmp_path, None)) == []
