"""How many records a run should have, and what it does with none."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.definition.load import load
from sluice.delivery.verify import read_manifest, verify
from sluice.errors import FatalError, Skipped
from sluice.model.run import Window
from tests.builders import NOW, World

FILES = {
    "catalog/datasets.yaml": """
        people:
          kind: profile
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: people}
        pets:
          kind: profile
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: pets}
        """,
    "catalog/segments.yaml": "all: {dataset: people, where: id >= 0}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
}
KINDS: dict[str, dict[str, Any]] = {
    "segment-export": {"segments": ["all"], "fields": ["id", "name"]},
    "data-out-export": {"entities": ["people"]},
    "dataset-export": {"datasets": ["people"], "mode": "full"},
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    people(world, 100)
    return world


def people(world: World, count: int, name: str = "people") -> None:
    world.dataset(
        name, pa.table({"id": pa.array(range(count), pa.int64()), "name": pa.array(["n"] * count, pa.string())})
    )
    world.refresh("all")


def declare(world: World, kind: str = "dataset-export", **more: Any) -> None:
    declared = {"kind": kind, "connection": "out", **KINDS[kind], **more}
    world.declare({"exports/nightly.yaml": json.dumps(declared)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({"min_records": 101}, "people: 100 records, but `expect.min_records` is 101: nothing is sent"),
        ({"max_records": 99}, "people: 100 records, but `expect.max_records` is 99: nothing is sent"),
    ],
)
def test_a_count_beyond_its_bounds_fails_before_anything_is_sent(world: World, expect: Any, said: str) -> None:
    declare(world, expect=expect)
    with pytest.raises(FatalError) as caught:
        world.extract("nightly")
    assert caught.value.what == said
    assert world.delivered() == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_count_on_its_bounds_is_expected(world: World, kind: str) -> None:
    declare(world, kind, expect={"min_records": 100, "max_records": 100})
    report = world.run("nightly")
    assert (report.records, report.warnings) == (100, ())


@pytest.mark.slow
def test_a_warning_lets_the_run_go_on(world: World) -> None:
    declare(world, expect={"min_records": 200, "on_breach": "warn"})
    report = world.run("nightly")
    assert report.records == 100
    assert report.warnings == ("people: 100 records, but `expect.min_records` is 200: the run continues",)


@pytest.mark.slow
def test_a_held_run_says_how_to_release_it_and_is_released(world: World) -> None:
    declare(world, mode="incremental", expect={"min_records": 200, "on_breach": "hold"})
    with pytest.raises(FatalError, match="the run is held, and nothing is sent") as caught:
        world.extract("nightly", only=("people",), mode="full")
    command = "sluice run nightly --release --feeds people --mode full"
    assert caught.value.next_step.endswith(f"with *Release* in Airflow's form, or run `{command}`")
    with pytest.raises(FatalError, match="held"):
        world.extract("nightly", "run-2")
    report = world.run("nightly", "run-3", release=True)
    assert report.records == 100
    assert report.warnings[-1].endswith("the operator released the run")


@pytest.mark.slow
def test_a_held_slice_is_released_as_that_slice(world: World) -> None:
    declare(world, mode="incremental", expect={"max_records": 1, "on_breach": "hold"})
    window = Window(after=NOW - timedelta(days=9999), until=NOW + timedelta(days=9999))
    with pytest.raises(FatalError) as caught:
        world.extract("nightly", window=window)
    assert f"--release --window {window.after.isoformat()} {window.until.isoformat()}`" in caught.value.next_step


@pytest.mark.slow
def test_a_release_lets_no_failure_pass(world: World) -> None:
    declare(world, expect={"min_records": 200, "on_breach": "refuse"})
    with pytest.raises(FatalError, match="nothing is sent"):
        world.extract("nightly", release=True)


@pytest.mark.slow
def test_counts_are_compared_with_the_mean_of_the_last_five_full_deliveries(world: World) -> None:
    declare(world)
    for number, count in enumerate((5000, 100, 110, 100, 90, 100)):
        people(world, count)
        world.run("nightly", f"run-{number}")
    declare(world, expect={"max_deviation": "10%"})
    for count in (90, 110):
        people(world, count)
        world.extract("nightly", f"within-{count}")
    for count, share in ((89, "-11%"), (111, r"\+11%"), (0, "-100%")):
        people(world, count)
        with pytest.raises(FatalError, match=rf"{share} from the mean of the last deliveries \(100\).* is 10%"):
            world.extract("nightly", f"beyond-{count}")


@pytest.mark.slow
def test_only_published_full_deliveries_of_the_feed_count(world: World) -> None:
    declare(world, mode="incremental")
    world.run("nightly", "news")
    declare(world, expect={"max_deviation": "1%"})
    people(world, 50)
    staged = world.extract("nightly", "refused")
    world.upload(staged)
    next((world.root / "out").rglob("part-*-tid-*-" + str(world.plan("nightly", "refused").run.id) + "*")).unlink()
    with pytest.raises(FatalError, match="nothing is published"):
        world.publish(staged)
    people(world, 7)
    world.run("nightly", "first")
    people(world, 8)
    with pytest.raises(FatalError, match=r"\+14% from"):
        world.extract("nightly", "second")


@pytest.mark.slow
def test_after_empty_deliveries_any_record_deviates(world: World) -> None:
    declare(world, expect={"max_deviation": "500%"})
    people(world, 0)
    world.run("nightly", "run-1")
    world.run("nightly", "run-2")
    people(world, 1)
    with pytest.raises(FatalError, match="away from the mean"):
        world.extract("nightly", "run-3")


@pytest.mark.slow
def test_each_feed_is_expected_by_itself(world: World) -> None:
    people(world, 3, "pets")
    declare(world, datasets=["people", "pets"], expect={"min_records": 50})
    with pytest.raises(FatalError, match="pets: 3 records"):
        world.extract("nightly")


@pytest.mark.slow
def test_duplicates_and_rejects_are_not_counted(world: World) -> None:
    world.dataset("people", pa.table({"id": [1] * 60 + [2] * 40, "name": ["n"] * 100}))
    declare(world, unique={}, expect={"max_records": 2, "min_records": 2})
    assert world.run("nightly").records == 2


FORMATS: list[dict[str, Any]] = [
    {"type": "csv"},
    {"type": "csv", "delimiter": "tab", "header": False},
    {"type": "json"},
    {"type": "parquet"},
    {"type": "template", "template": r"%1%|%2%\r\n", "header": True, "compression": "gzip"},
]
HEADERS = [b"id,name\n", b"", b"", None, b"id|name\r\n"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("form", "header"), list(zip(FORMATS, HEADERS, strict=True)), ids=lambda f: str(f)[:60])
def test_one_empty_file_is_a_file_of_its_format(
    world: World, kind: str, form: dict[str, Any], header: bytes | None
) -> None:
    people(world, 0)
    declare(world, kind, format=form, when_empty="file")
    report = world.run("nightly")
    assert (report.files, report.records) == (1, 0)
    (name,) = [name for name in world.delivered() if "part-" in name]
    assert "part-00000" in name
    body = (world.root / "out" / name).read_bytes()
    if header is None:
        assert pq.read_table(pa.BufferReader(body)).schema.names == ["id", "name"]
    else:
        assert gzip.decompress(body) == header
    (manifest,) = [name for name in world.delivered() if "manifest-" in name]
    with closing(load(world.include).project.connections["out"].destination.open(world, name="out", threads=1)) as out:
        assert list(verify(read_manifest(manifest, out), out)) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_run_does_what_is_declared(world: World, kind: str) -> None:
    people(world, 0)
    declare(world, kind)
    assert world.run("nightly", "run-1").files == 0
    before = world.delivered()
    assert [name for name in before if "manifest-" in name]
    declare(world, kind, when_empty="skip")
    with pytest.raises(Skipped, match="no records to deliver"):
        world.extract("nightly", "run-2")
    declare(world, kind, when_empty="refuse")
    with pytest.raises(FatalError, match="no records to deliver"):
        world.extract("nightly", "run-3")
    assert world.delivered() == before


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["skip", "refuse", "file"])
def test_a_run_with_records_is_no_empty_one(world: World, choice: str) -> None:
    people(world, 0, "pets")
    declare(world, datasets=["people", "pets"], when_empty=choice)
    assert world.run("nightly").files == (2 if choice == "file" else 1)


@pytest.mark.slow
def test_a_skipped_slice_loses_nothing(world: World) -> None:
    """The next run starts with the rows that an incremental run skipped because there were too few."""
    declare(world, mode="incremental", when_empty="skip")
    assert world.run("nightly", "run-1").records == 100
    with pytest.raises(Skipped):
        world.extract("nightly", "run-2")
    table = pa.table({"id": pa.array([100], pa.int64()), "name": ["late"]})
    pq.write_table(table, world.root / "lake" / "people" / "late.parquet")
    assert world.run("nightly", "run-3").records == 1
