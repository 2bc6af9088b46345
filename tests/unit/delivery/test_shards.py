"""How many shards a run is cut into, and what depends on their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.delivery.chunk import chunk
from sluice.destinations.local import LocalFolder
from sluice.filesystem import Opened
from sluice.model.manifest import Manifest
from tests.builders import World

DECLARED = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
    """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/all.yaml": """
        kind: dataset-export
        connection: out
        datasets: [people]
        mode: full
        chunks: {records: 10, shards: 4, shard_bytes: 1 KB}
    """,
}
PEOPLE = pa.table({"id": range(400), "note": [f"{number:03d}" * 100 for number in range(400)]})


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.dataset("people", PEOPLE)
    world.declare(DECLARED)
    return world


def test_a_single_process_carries_every_chunk_in_one_shard(world: World) -> None:
    staged = world.extract("all")
    assert [shard.chunks for shard in chunk(staged, world)] == [10, 10, 10, 10]
    (whole,) = chunk(staged, world, most=1)
    assert (whole.first_chunk, whole.chunks, whole.records) == (0, 40, 400)


def test_a_feed_is_spread_by_its_bytes(world: World) -> None:
    declared = DECLARED["exports/all.yaml"]
    for size, tasks in (("1 MB", 1), ("70 KB", 2), ("1 KB", 4)):
        world.declare({"exports/all.yaml": declared.replace("1 KB", size)})
        assert len(chunk(world.extract("all"), world)) == tasks, size


def test_what_publish_does_at_the_destination_does_not_depend_on_the_number_of_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In staging it reads one file of receipts per shard, each twice."""
    parts, calls, reads = _published(tmp_path / "one", monkeypatch, shards=1)
    same_parts, as_many, more_reads = _published(tmp_path / "many", monkeypatch, shards=40)
    assert len(parts) == 40
    assert parts == same_parts
    assert calls["stat"] >= 40, "every part is looked up"
    assert calls == as_many
    assert more_reads - reads == Counter({"sent": 2 * 39})


def _published(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shards: int
) -> tuple[list[tuple[str, str]], Counter[str], Counter[str]]:
    """The parts of a run in so many shards; the calls at the destination and the reads from staging, by kind."""
    world = World(folder)
    world.dataset("people", PEOPLE)
    declared = DECLARED["exports/all.yaml"].replace("shards: 4", f"shards: {shards}")
    world.declare(DECLARED | {"exports/all.yaml": declared})
    staged = world.extract("all")
    assert len(world.upload(staged)) == shards
    calls, reads = Counter[str](), Counter[str]()
    with monkeypatch.context() as patched:
        for name in ("put", "stat", "list", "read", "remove", "abort"):
            patched.setattr(LocalFolder, name, _counted(getattr(LocalFolder, name), calls, lambda _, name=name: name))
        # The names of intents are random.
        kind = lambda args: args[1].partition("/")[0].partition("-")[0]  # noqa: E731
        patched.setattr(Opened, "find_bytes", _counted(Opened.find_bytes, reads, kind))
        world.publish(staged)
    (manifest,) = (folder / "out").rglob("manifest-*.json")
    results = Manifest.model_validate_json(manifest.read_bytes()).exportResults
    return [(part.path.rpartition("/")[2], part.sha256) for part in results], calls, reads


def _counted(method: Any, calls: Counter[str], kind: Callable[[tuple[Any, ...]], str]) -> Any:
    def counting(*args: Any, **kwargs: Any) -> Any:
        calls[kind(args)] += 1
        return method(*args, **kwargs)

    return counting


def test_the_receipt_of_one_shard_is_read_without_threads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without memory may wait for ever for a thread that cannot start."""
    world.declare({"exports/all.yaml": DECLARED["exports/all.yaml"].replace("shards: 4", "shards: 1")})
    staged = world.extract("all")
    world.upload(staged)

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a thread was started")

    monkeypatch.setattr("sluice.delivery.publish.delivered.ThreadPoolExecutor", refused)
    assert world.publish(staged).records == PEOPLE.num_rows
