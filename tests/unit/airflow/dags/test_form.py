"""The form that starts a run by hand."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG, Param
from airflow.serialization.serialized_objects import DagSerialization

from sluice.airflow.dags import export_dags
from sluice.airflow.form import form
from sluice.definition.load import load_export
from sluice.definition.models.rows import Expect, Rejects
from tests.builders import World


def test_no_field_of_the_form_is_required(world: World) -> None:
    """Airflow's form marks a field as required if null is none of its types."""
    for name in ("best", "by_hand", "nightly"):
        for field, param in form(load_export(world.include, name)[1]).items():
            assert "null" in param.schema["type"], field


def test_the_form_releases_only_what_may_be_held(world: World) -> None:
    export = load_export(world.include, "best")[1]
    assert "release" not in form(export)
    for held in ({"expect": Expect(on_breach="hold")}, {"rejects": Rejects(on_exceeded="hold")}):
        assert form(export.model_copy(update=held))["release"].value is False


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
