"""How many shards a run is cut into."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from sluice.delivery.chunk import chunk
from tests.builders import World

DECLARED = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
    """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/all.yaml": """
        {kind: dataset-export, connection: out, datasets: [people], chunks: {records: 10, shards: 4}}
    """,
}


def test_a_single_process_carries_every_chunk_in_one_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.chunk.cut.SHARD_RECORDS", 20)
    world = World(tmp_path)
    world.dataset("people", pa.table({"id": range(100)}))
    world.declare(DECLARED)
    staged = world.extract("all")
    assert [shard.chunks for shard in chunk(staged, world)] == [2, 3, 2, 3]
    (whole,) = chunk(staged, world, most=1)
    assert (whole.first_chunk, whole.chunks, whole.records) == (0, 10, 100)
