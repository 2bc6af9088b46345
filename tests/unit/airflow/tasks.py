"""The tasks of one run of an export, executed by their operators in this process, on a folder as every connection."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from airflow.sdk import BaseXCom

from sluice.airflow.connections import AirflowConnections
from sluice.airflow.dags import export_dags
from sluice.definition.load import load
from sluice.refresh.evaluate import evaluate_segment
from tests.builders import World

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/people.yaml": """
        kind: segment-export
        connection: out
        segments: [adults]
        fields:
          - id
          - {field: name, as: full_name, hash: sha256}
          - {sql: "age + length(name)", as: score}
          - {value: 1, as: one}
        schedule: "off"
        chunks: {records: 30}
        """,
    "catalog/segments.yaml": "adults: {dataset: people, where: 'age >= 18'}",
}


class Store(dict[str, Any]):
    """A state store of Airflow's."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


@dataclass
class Tasks:
    """An export's DAG, and what its tasks leave to each other."""

    world: World
    export: str
    run_id: str = "manual__1"
    conf: dict[str, Any] = field(default_factory=dict)
    stores: dict[Any, Store] = field(default_factory=dict)
    extracted: Any = None
    """What `extract` has returned."""

    def __post_init__(self) -> None:
        (self.dag,) = export_dags(self.world.include, f"export__{self.export}")

    def context(self, task: Any) -> dict[str, Any]:
        now = datetime.now(UTC)
        dag_run = SimpleNamespace(
            run_id=self.run_id,
            dag_id=self.dag.dag_id,
            conf=self.conf,
            logical_date=now,
            run_after=now,
            run_type="manual",
        )
        events = SimpleNamespace(add=lambda *_, **__: None)
        return {
            "dag_run": dag_run,
            "run_id": self.run_id,
            "ti": SimpleNamespace(dag_id=self.dag.dag_id, run_id=self.run_id, task_id=task.task_id, try_number=1),
            "task_state_store": Store(),
            "outlet_events": {getattr(task, "alias", None): events},
        }

    def execute(self, task_id: str, **given: Any) -> Any:
        """What a task returns, with these arguments in place of those that come from other tasks."""
        task: Any = self.dag.get_task(task_id)
        if task_id == "upload":
            from sluice.airflow.operators.upload import UploadOperator

            task = UploadOperator(task_id="upload", shard={})
        for name, value in given.items():
            setattr(task, name, value)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(BaseXCom, "get_one", staticmethod(lambda **_: self.extracted))
            patched.setattr("sluice.airflow.watermark.asset_state", lambda name: self.stores.setdefault(name, Store()))
            left = task.execute(self.context(task))
        if task_id == "extract":
            self.extracted = left
        return left

    def refresh(self, segment: str) -> None:
        """Evaluate a segment, as the system refresh does."""
        project = load(self.world.include).project
        evaluate_segment(project, segment, AirflowConnections(), "refresh", datetime.now(UTC))

    def run(self) -> dict[str, Any]:
        """All tasks that deliver; the report."""
        self.execute("extract")
        for shard in self.execute("chunk"):
            self.execute("upload", shard=shard)
        report: dict[str, Any] = self.execute("publish")
        return report


def world_of(root: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> World:
    """A world whose connections Airflow knows, with a dataset of 100 people."""
    world = World(root)
    world.declare(files)
    world.dataset("people", pa.table({"id": range(100), "name": ["x"] * 100, "age": [20] * 100}))
    for conn_id in ("lake", "sluice_staging", "out"):
        (root / conn_id).mkdir(exist_ok=True)
        value = {"conn_type": "fs", "extra": {"path": str(root / conn_id)}}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(value))
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    monkeypatch.setattr("sluice.where._dag_file", None)
    return world
