"""What a run's steps import: seconds that every task would wait for."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from tests.builders import World

HEAVY = {"pandas", "pyarrow.dataset"}
"""A third of a second. pyarrow imports pandas for a Python value among its arguments, and for `to_numpy`."""
STEPS = """
import sys
from pathlib import Path
from tests.builders import World
World(Path({root!r})).run({export!r})
print(*({heavy!r} & sys.modules.keys()))
"""
FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "catalog/segments.yaml": "odd: {dataset: people, where: id % 2 = 1}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/text.yaml": "{kind: data-out-export, connection: out, entities: [people], format: {type: json}}",
    "exports/parquet.yaml": "{kind: data-out-export, connection: out, entities: [people], format: {type: parquet}}",
    "exports/segment.yaml": """
        kind: segment-export
        connection: out
        segments: [odd]
        fields: [id, name, at]
        format: {type: csv}
        """,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    times = pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 9, pa.timestamp("us", "UTC"))
    world.dataset("people", pa.table({"id": list(range(9)), "name": ["x"] * 9, "at": times}))
    world.refresh("odd")
    return world


@pytest.mark.slow
@pytest.mark.parametrize("export", ["text", "parquet", "segment"])
def test_a_run_imports_no_pandas(world: World, export: str) -> None:
    code = STEPS.format(root=str(world.root), export=export, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
