"""The rights of roles in Airflow, as values."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.providers.fab.www.security.permissions import RESOURCE_DETAILS_MAP
from pydantic import ValidationError

from sluice.access.roles import EVERY_DAG, access_control, wanted
from sluice.definition.load import load
from sluice.definition.models.connection import Connection

CONNECTION = {"name": "out", "type": "local", "airflow_conn_id": "out"}


def test_only_roles_that_exist_are_named() -> None:
    assert access_control(["marketing", "finance"], {"finance", "sluice-viewer", "other"}).keys() == {
        "sluice-viewer",
        "finance",
    }
    assert access_control(["marketing"], {"finance"}) == {}, "this revokes what was granted before"


def test_contributors_edit_and_run_and_viewers_see() -> None:
    rights = access_control(["marketing"], {"marketing", "sluice-viewer"})
    assert rights["marketing"] == {
        "DAGs": {"can_read", "can_edit"},
        "DAG Runs": {"can_read", "can_create", "can_delete"},
    }
    assert rights["sluice-viewer"] == {"DAGs": {"can_read"}, "DAG Runs": {"can_read"}}


def test_the_rights_are_ones_that_fab_knows() -> None:
    """One that it does not know takes every export out of Airflow."""
    for grant in access_control(["marketing"], {"marketing", "sluice-viewer"}).values():
        for resource, actions in grant.items():
            assert set(actions) <= set(RESOURCE_DETAILS_MAP[resource]["actions"])


def test_a_project_needs_a_role_for_each_name_and_viewers(tmp_path: Path) -> None:
    (tmp_path / "connections").mkdir()
    for name, roles in {"one": "[b, a]", "two": "[a]", "three": "[]"}.items():
        text = f"type: local\nairflow_conn_id: out\nshared_with: {roles}\n"
        (tmp_path / "connections" / f"{name}.yaml").write_text(text)
    needed = wanted(load(tmp_path).project)
    assert list(needed) == ["a", "b", "sluice-viewer"]
    assert needed["a"] == needed["b"] > needed["sluice-viewer"]
    assert needed["a"] - needed["sluice-viewer"] == {("can_edit", "DAG Runs"), ("can_edit", "Task Instances")}
    for permissions in needed.values():
        assert ("can_read", "Plugins") in permissions
        assert not permissions & EVERY_DAG
        assert not {what for _, what in permissions} & {"Connections", "Variables", "Users", "Roles"}


@pytest.mark.parametrize("role", ["", "a/b", "x" * 65, "a\nb", "sluice-viewer", "Public"])
def test_what_is_no_role_of_contributors_is_refused(role: str) -> None:
    with pytest.raises(ValidationError):
        Connection.model_validate(CONNECTION | {"shared_with": [role]})
    assert Connection.model_validate(CONNECTION | {"shared_with": ["Marketing Ops, EMEA", "x" * 64]})
