"""Incremental exports of a real PostgreSQL: what was delivered is not copied again."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sluice.errors import FatalError
from sluice.model.manifest import Manifest
from sluice.model.run import Window
from tests.builders import World
from tests.servers.postgres import Database

FILES = {
    "catalog/datasets.yaml": """
        visits:
          kind: event
          key: id
          source: {type: sql, airflow_conn_id: db, table: visits}
          incremental: {column: at}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/visits.yaml": "{kind: dataset-export, connection: out, datasets: [visits]}",
}
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
"""The server's clock bounds what is delivered: these rows lie in its past, whenever the tests run."""
DAYS = {number: NOW - timedelta(days=100 - number) for number in range(100)}
KINDS = ["timestamptz", "timestamp", "date", "bigint"]


@pytest.fixture
def world(tmp_path: Path, database: Database) -> World:
    world = World(tmp_path, extra={"db": database.access()}, now=NOW)
    world.declare(FILES)
    return world


def fill(database: Database, kind: str, days: range) -> None:
    stored = {day: str(day) if kind == "bigint" else f"'{DAYS[day].isoformat()}'::{kind}" for day in days}
    rows = ", ".join(f"({day}, {value})" for day, value in stored.items())
    database.execute(f"insert into visits values {rows}")  # noqa: S608 - numbers and times of this test


def ids(world: World, run_id: str) -> list[int]:
    found = [Manifest.model_validate_json(path.read_bytes()) for path in (world.root / "out").rglob("manifest-*.json")]
    (manifest,) = [one for one in found if one.run_id == run_id]
    texts = [gzip.decompress((world.root / "out" / part.path).read_bytes()) for part in manifest.exportResults]
    return sorted(json.loads(line)["id"] for text in texts for line in text.splitlines())


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_run_copies_little_and_misses_nothing(world: World, database: Database, kind: str) -> None:
    database.execute("drop table if exists visits", f"create table visits (id bigint, at {kind})")
    fill(database, kind, range(60))
    world.run("visits", "r1")
    fill(database, kind, range(60, 100))
    world.run("visits", "r2")
    assert ids(world, "r1") == list(range(60))
    assert ids(world, "r2") == list(range(60, 100))
    spooled = world.root / "sluice_staging"
    assert 40 <= rows_of_last_copy(spooled) <= 43


def rows_of_last_copy(folder: Path) -> int:
    newest = max(folder.rglob("spool/visits/*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    return sum(pq.read_metadata(path).num_rows for path in newest.parent.glob("*.parquet"))


def test_a_backfill_copies_from_its_slice_on(world: World, database: Database) -> None:
    database.execute("drop table if exists visits", "create table visits (id bigint, at timestamptz)")
    fill(database, "timestamptz", range(100))
    world.run("visits", "b1", window=Window(after=DAYS[89], until=DAYS[92]), run_type="backfill")
    assert ids(world, "b1") == [90, 91, 92]
    assert 10 <= rows_of_last_copy(world.root / "sluice_staging") <= 13


def test_a_row_without_a_value_is_still_seen(world: World, database: Database) -> None:
    database.execute("drop table if exists visits", "create table visits (id bigint, at timestamptz)")
    fill(database, "timestamptz", range(10))
    world.run("visits", "r1")
    database.execute("insert into visits values (99, null)")
    with pytest.raises(FatalError, match="have no at"):
        world.run("visits", "r2")
