"""What a run's end comes to, from what Airflow tells of its tasks; and what an export's DAG carries for its alerts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from sluice.airflow.alerts import RunEnded, Tasks, _ending, _failure, alerting, carries
from sluice.airflow.dags import export_dags
from sluice.airflow.project import WHY
from sluice.definition.alerts import Alert
from sluice.definition.project import Staging
from sluice.errors import DefinitionError
from tests.builders import World

PUBLISHED = {"extract": "success", "upload_0": "success", "publish": "success", "abort": "success"}


@dataclass
class Known(Tasks):
    """Tasks as a test has them; what they are on a real Airflow, the integration tests see."""

    states: dict[str, str]
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._states = self.states

    def left(self, task: str, key: str) -> Any:
        return self.xcoms.get((task, key))


def test_a_failure_shows_the_page_that_a_failed_task_has_left() -> None:
    tasks = Known(
        {"extract": "success", "upload_0": "success", "upload_1": "failed", "upload_2": "failed"},
        {("upload_2", WHY): "the bucket is gone\n  next: make it", ("extract", WHY): "an old try's"},
    )
    assert _failure(tasks, "task_failure") == ("failure", "the bucket is gone\n  next: make it")


def test_a_failure_without_a_page_names_its_tasks_or_airflows_reason() -> None:
    died = Known({"upload_1": "failed", "publish": "upstream_failed"})
    assert _failure(died, "task_failure")[1].startswith("it ended in upload_1\n  next: ")
    assert _failure(Known({}), "timed_out")[1].startswith("Airflow ended it: timed_out\n  next: ")


def test_an_end_is_fine_or_skipped_or_with_warnings() -> None:
    assert _ending(Known(PUBLISHED, {("publish", "return_value"): {"warnings": []}})) == (None, "")
    warned = Known(PUBLISHED, {("publish", "return_value"): {"warnings": ["3 rows were rejected", "few rows"]}})
    assert _ending(warned) == ("warning", "3 rows were rejected\nfew rows")
    skipped = Known({"extract": "skipped", "publish": "skipped"}, {("extract", WHY): "a limit"})
    assert _ending(skipped) == ("skip", "a limit")


def test_a_dry_run_is_nobodys_news() -> None:
    ended = RunEnded("orders", (Alert(to="ops"),), Staging(), failed=True)
    ended({"dag_run": SimpleNamespace(conf={"dry_run": True})})  # asks Airflow nothing


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
        alerts: [{on: [failure, late], to: ops}]
        """,
}


def test_only_exports_with_alerts_ask_airflow_for_callbacks(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare(FILES)
    quiet, told = (DagSerialization.to_dict(dag)["dag"] for dag in export_dags(world.include, None))
    assert not quiet.get("has_on_failure_callback")
    assert not quiet.get("deadline")
    assert told["has_on_failure_callback"]
    assert told["has_on_success_callback"]
    deadline = json.dumps(told["deadline"], default=str)
    assert "sluice.airflow.alerts.late" in deadline
    assert "7200" in deadline


def test_a_broken_export_tells_whom_the_projects_defaults_name(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare(FILES | {"exports/told.yaml": "kind: nonsense", "project.yaml": "defaults: {alerts: [{to: ops}]}"})
    for only in (None, "export__told"):
        dags = {dag.dag_id: dag for dag in export_dags(world.include, only)}
        told = dags["export__told"].on_failure_callback
        assert isinstance(told, RunEnded)
        assert (told.export, told.alerts) == ("told", (Alert(to="ops"),))
    world.declare({"project.yaml": "defaults: {alerts: [{on: [nonsense], to: ops}]}"})
    (broken,) = export_dags(world.include, "export__told")
    assert broken.on_failure_callback is None


def test_nothing_is_asked_where_nobody_is_told(tmp_path: Path) -> None:
    assert alerting(SimpleNamespace(alerts=(), late_after=None), Staging()) == {}  # type: ignore[arg-type]


def test_whether_a_connection_carries_notices_is_known_before_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps({"conn_type": "http", "host": "http://127.0.0.1"}))
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps({"conn_type": "smtp", "host": "127.0.0.1"}))
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps({"conn_type": "fs"}))
    assert carries(Alert(to="ops"), "orders") == "http"
    assert carries(Alert(to="mail", email=("a@example.com",)), "orders") == "smtp"
    for to in ("mail", "lake", "nowhere"):
        with pytest.raises(DefinitionError, match=to):
            carries(Alert(to=to), "orders")
