"""What a parse and a task's start read, which DAGs they build, and that Airflow stores them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from sluice.airflow.dags import export_dags
from sluice.airflow.refresh import refresh_dag
from sluice.airflow.shards import Shard
from sluice.definition import folder
from sluice.definition.yaml import parse
from sluice.definition.yaml.position import Document
from sluice.errors import DefinitionError
from tests.builders import World


def files_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The declarations that are read from now on: folder and file."""
    read: list[str] = []
    real = parse.read

    def noted(path: Path, *more: Any) -> Document:
        read.append(f"{path.parent.name}/{path.name}")
        return real(path, *more)

    monkeypatch.setattr(parse, "read", noted)
    return read


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
