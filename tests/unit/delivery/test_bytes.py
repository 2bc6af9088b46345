"""Chunks by bytes: no file is larger than declared, and the files are the same however they are sent."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.chunk.fit import SPOTS
from sluice.delivery.abort import abort
from sluice.delivery.staging import StagedRun
from sluice.delivery.upload import sender, workers
from sluice.delivery.verify import read_manifest, verify
from sluice.destinations.local import LocalFolder
from sluice.errors import RetriableError
from sluice.model.part import Part, consecutive
from tests.builders import World

DATASETS = """
    people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
"""
EXPORT = "{{kind: dataset-export, connection: out, datasets: [people], mode: full, format: {form}, chunks: {chunks}}}"
FORMS = ("{type: json}", "{type: csv, compression: none}", "{type: parquet, row_group: 50}")


def rows(counts: list[int], seed: int = 0) -> pa.Table:
    """A row for each count, with a text of so many random letters: sizes that no sample can predict."""
    letters = random.Random(seed)
    texts = ["".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=count)) for count in counts]
    return pa.table({"id": range(len(texts)), "text": texts})


def world(folder: Path, table: pa.Table, chunks: str, form: str = FORMS[0], file: str = "") -> World:
    world = World(folder)
    export = EXPORT.format(form=form, chunks=chunks).replace("mode:", f"file: '{file}', mode:" if file else "mode:")
    world.dataset("people", table, row_group=37)
    files = {"catalog/datasets.yaml": DATASETS, "exports/all.yaml": export}
    world.declare(files | {"connections/out.yaml": "{type: local, airflow_conn_id: out}"})
    return world


def files(world: World) -> dict[str, bytes]:
    """Every file but the manifest."""
    out = world.root / "out"
    return {name: (out / name).read_bytes() for name in world.delivered() if "manifest-" not in name}


def ids(world: World) -> list[int]:
    """What DuckDB reads back, in the files' order."""
    found: list[int] = []
    for name in sorted(files(world)):
        path = world.root / "out" / name
        reader = "parquet" if name.endswith("parquet") else "csv_auto" if ".csv" in name else "json_auto"
        read = f"SELECT id FROM read_{reader}('{path}')"  # noqa: S608 - a test's own path
        found += [row[0] for row in duckdb.sql(read).fetchall()]
    return found


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    counts=st.lists(st.one_of(st.integers(0, 20), st.integers(500, 4000)), min_size=1, max_size=400),
    form=st.sampled_from(FORMS),
    kilobytes=st.integers(1, 40),
    records=st.sampled_from(["", ", records: 70"]),
)
def test_every_row_arrives_once_in_files_no_larger_than_declared(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], form: str, kilobytes: int, records: str
) -> None:
    here = world(tmp_path_factory.mktemp("bytes"), rows(counts), f"{{bytes: {kilobytes} KB{records}}}", form)
    here.run("all")
    assert ids(here) == list(range(len(counts)))
    destination = here.plan("all").connection.destination.open(here, name="out", threads=1)
    manifest = read_manifest(here.plan("all").manifest, destination)
    assert [part.number for part in manifest.exportResults] == list(range(manifest.files))
    for part in manifest.exportResults:
        assert part.size <= kilobytes * 1000 or part.records == 1
        assert part.records <= (70 if records else len(counts))
    assert list(verify(manifest, destination)) == []


SKEWED = [10] * 400 + [3000] * 60 + [10] * 300
"""The large rows stand where the sample's stretches, of which this is the whole, cannot make up for them."""


@pytest.fixture
def cut_many_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, bytes]]:
    """The files of one run, sent in one of the ways."""

    def send(name: str, *, cores: int = 2, whole: int = 2**23, chunks: str = "") -> dict[str, bytes]:
        monkeypatch.setattr(workers, "cores", lambda: cores)
        monkeypatch.setattr(sender, "WHOLE", whole)
        here = world(tmp_path / name, rows(SKEWED), f"{{bytes: 20 KB{chunks}}}")
        here.run("all")
        return files(here)

    return send


@pytest.mark.slow
def test_the_files_are_the_same_however_they_are_sent(cut_many_ways: Callable[..., dict[str, bytes]]) -> None:
    one = cut_many_ways("one", cores=1)
    assert cut_many_ways("three", cores=3) == one
    assert cut_many_ways("streamed", whole=1) == one
    assert cut_many_ways("threads", chunks=", threads: 1") == one
    assert cut_many_ways("shards", chunks=", shard_bytes: 10 KB, shards: 7") == one
    assert {name[-len("c000.json.gz") :][:4] for name in one} > {"c000", "c001"}, "some chunk was cut"
    assert max(map(len, one.values())) <= 20_000


def test_parts_follow_each_other_or_one_is_missing() -> None:
    def parts(*keys: tuple[int, int]) -> list[Part]:
        return [Part(feed="f", number=n, piece=p, name="x", records=1, bytes=1, sha256="") for n, p in keys]

    assert consecutive([])
    assert consecutive(parts((0, 0), (1, 0), (1, 1), (1, 2), (2, 0)))
    for keys in [((1, 0),), ((0, 1),), ((0, 0), (2, 0)), ((0, 0), (0, 0)), ((0, 0), (0, 2)), ((0, 0), (1, 1))]:
        assert not consecutive(parts(*keys)), keys


class Remembered:
    """A receipts that lives on."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def sent(self, extract: str) -> list[Part]:
        return self.parts

    def record(self, extract: str, parts: Any) -> None:
        self.parts += parts


def broken_run(world: World, monkeypatch: pytest.MonkeyPatch, at: str) -> tuple[StagedRun, Remembered]:
    """A run that ends in a failure at the first file whose name holds `at`."""
    put, receipts = LocalFolder.put, Remembered()

    def breaking(self: LocalFolder, name: str, body: Any) -> Any:
        if at in name:
            raise RetriableError("the network is gone")
        return put(self, name, body)

    staged = world.extract("all")
    with monkeypatch.context() as patched:
        patched.setattr(LocalFolder, "put", breaking)
        with pytest.raises(RetriableError):
            world.upload(staged, receipts)
    return staged, receipts


@pytest.mark.slow
def test_a_retry_sends_the_pieces_that_are_missing_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_many_ways: Callable[..., dict[str, bytes]]
) -> None:
    here = world(tmp_path / "broken", rows(SKEWED), "{bytes: 20 KB, retries: 0, threads: 1}")
    staged, receipts = broken_run(here, monkeypatch, "-c002.")
    before = {part.name for part in receipts.parts}
    assert any("-c001." in name for name in before), "pieces had arrived by then"
    put, again = LocalFolder.put, []
    monkeypatch.setattr(LocalFolder, "put", lambda self, name, body: (again.append(name), put(self, name, body))[1])
    here.upload(staged, receipts)
    assert not before & set(again)
    here.publish(staged)
    assert files(here) == cut_many_ways("whole")


@pytest.mark.slow
@pytest.mark.parametrize("file", ["", "%SEGMENT_NAME%_%DATETIME(YYYYMMDD_HHmmss)%_%RUN_ID%_%PART%"])
def test_abort_knows_every_piece_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    here = world(tmp_path, rows(SKEWED), "{bytes: 20 KB, retries: 0}", file=file)
    staged, _ = broken_run(here, monkeypatch, "-002." if file else "-c002.")
    left = files(here)
    assert len(left) > 1
    beside = here.root / "out" / Path(next(iter(left))).parent / "of-somebody-else.json.gz"
    beside.write_bytes(b"x")
    abort(staged, here, here.now)
    assert files(here) == {str(beside.relative_to(here.root / "out")): b"x"}


@pytest.mark.slow
def test_verify_finds_a_file_of_the_run_that_is_not_listed(tmp_path: Path) -> None:
    here = world(tmp_path, rows([5] * 10), "{records: 4}", file="%PART%_of_%RUN_ID%_%EXPORT_NAME%")
    here.run("all")
    plan = here.plan("all")
    destination = plan.connection.destination.open(here, name="out", threads=1)
    manifest = read_manifest(plan.manifest, destination)
    assert [part.name for part in manifest.exportResults] == [
        f"{number:05d}_of_{plan.run.id}_all.json.gz" for number in range(3)
    ]
    assert list(verify(manifest, destination)) == []
    extra = plan.part_name(plan.feeds[0], 3)
    destination.put(extra, [b"late"])
    destination.put(extra.replace(str(plan.run.id), "another"), [b"of another run"])
    assert list(verify(manifest, destination)) == [f"extra: {extra} belongs to this run but is not in the manifest"]


@pytest.mark.slow
def test_a_large_feed_is_sampled_and_its_files_are_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.chunk.fit.ROWS", 100)
    here = world(tmp_path, rows([100] * 20_000), "{bytes: 100 KB}", "{type: csv, compression: none}")
    here.run("all")
    sizes = [len(body) for _, body in sorted(files(here).items())]
    assert SPOTS * 100 < 20_000
    assert all(80_000 <= size <= 100_000 for size in sizes[:-1])


def test_an_upload_is_not_begun_where_nothing_is_selected(tmp_path: Path) -> None:
    here = world(tmp_path, rows([]).slice(0, 0), "{bytes: 20 KB}")
    here.run("all")
    assert files(here) == {}
