"""Incremental exports, and what they have delivered: what their tests share."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.delivery.commit.watermark import Watermark
from sluice.model.manifest import Manifest
from tests.builders import World

HOUR = timedelta(hours=1)
FILES = {
    "catalog/datasets.yaml": """
        files:
          kind: event
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: files}
        stamped:
          kind: event
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: stamped}
          incremental: {column: at, late: 1 hour}
        table:
          kind: event
          key: id
          source: {type: delta, airflow_conn_id: lake, path: table}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out, folder: drop}",
    "exports/by_file.yaml": "{kind: dataset-export, connection: out, datasets: [files], chunks: {records: 7}}",
    "exports/by_snapshot.yaml": "{kind: dataset-export, connection: out, datasets: [table]}",
    "exports/by_column.yaml": "{kind: dataset-export, connection: out, datasets: [stamped], chunks: {records: 7}}",
    "exports/both.yaml": "{kind: dataset-export, connection: out, datasets: [files, stamped]}",
}


def increments(tmp_path: Path) -> World:
    """A world with incremental exports of files, of a column and of a Delta table."""
    world = World(tmp_path)
    world.declare(FILES)
    return world


def put(world: World, name: str, ids: range | list[int], dataset: str = "files", /, **columns: Any) -> Path:
    path = world.root / "lake" / dataset / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": pa.array(ids, pa.int64()), **columns}), path, row_group_size=5)
    return path


def stamp(world: World, name: str, times: dict[int, Any], kind: pa.DataType | None = None) -> None:
    column = pa.array(list(times.values()), kind or pa.timestamp("us", "UTC"))
    put(world, name, list(times), "stamped", at=column)


def manifests(world: World, export: str = "") -> list[Manifest]:
    found = [Manifest.model_validate_json(path.read_bytes()) for path in (world.root / "out").rglob("manifest-*.json")]
    return [one for one in found if not export or one.export == export]


def ids(world: World, manifest: Manifest, feed: str = "") -> list[int]:
    """The ids that a delivery's parts hold, in their order."""
    parts = [part for part in manifest.exportResults if not feed or part.feed == feed]
    texts = [gzip.decompress((world.root / "out" / "drop" / part.path).read_bytes()) for part in parts]
    return [json.loads(line)["id"] for text in texts for line in text.splitlines()]


def delivered(world: World, run_id: str, export: str = "by_file", feed: str = "") -> list[int]:
    (found,) = [one for one in manifests(world, export) if one.run_id == run_id]
    return ids(world, found, feed)


def mark(world: World, export: str = "by_file") -> Watermark:
    return Watermark.model_validate(world.watermarks[export])
