"""A worker that is out of disk: its SQL engine cannot spill, the error says so, and the run continues elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from sluice import memory
from sluice.doctor.resources import check_disk
from sluice.doctor.workers import Timeouts, this_worker
from sluice.errors import RetriableError
from sluice.sql import spilling
from sluice.sql.spilling import disk_full
from tests.builders import World
from tests.servers.disks import small_disk
from tests.unit.delivery.increments import delivered

pytestmark = pytest.mark.slow
ROWS = 600_000
FILES = {
    "catalog/datasets.yaml": """
        people: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out, folder: drop}",
    "exports/people.yaml": """
        {kind: dataset-export, connection: out, datasets: [people], memory: 64 MB, unique: {by: [id, text]}}
        """,
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.declare(FILES)
    keys = pa.array(range(ROWS), pa.int64())
    texts = pa.array([f"{number:060}" for number in range(ROWS)])
    world.dataset("people", pa.table({"id": keys, "text": texts}), row_group=100_000)
    memory.use(64 * 10**6, engine=True)
    yield world
    memory.use(memory.DEFAULT)


def test_a_full_disk_is_said_and_the_run_continues_on_another_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as until:
        disk = small_disk(world.root, until)
        with monkeypatch.context() as here:
            here.setattr(tempfile, "tempdir", str(disk))
            with pytest.raises(RetriableError, match="the disk of this worker is full") as failed:
                world.run("people", "r1")
            assert "deduplication by key failed" in failed.value.what
            assert f"left in {disk}" in failed.value.what
            (check,) = check_disk(this_worker("w1", "export people, run r1, extract", Timeouts()), 64 * 10**6)
        assert (check.state, str(disk) in check.what) == ("error", True)
        assert not list((world.root / "out").rglob("*.gz")), "nothing was sent"
        assert list(disk.iterdir()) == [], "and nothing is left there"
    world.run("people", "r1")
    assert sorted(delivered(world, "r1", "people")) == list(range(ROWS))


def test_memory_that_is_short_is_not_the_disks_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    short = duckdb.OutOfMemoryException("failed to allocate")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(spilling, "FULL", 0)
    assert disk_full(short, "sorting failed") is None
    monkeypatch.setattr(spilling, "FULL", 10**18)
    assert disk_full(duckdb.ConversionException("no number"), "sorting failed") is None
    full = disk_full(short, "sorting failed")
    assert full is not None
    assert full.what.startswith("sorting failed: the disk of this worker is full")
