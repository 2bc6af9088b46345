"""A segment over its target's limit is delivered as several: each row once, in groups that fit."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from sluice.delivery.abort import abort
from sluice.delivery.chunk import chunk
from sluice.delivery.report.report import Report
from sluice.delivery.resend import load_run, publish_again
from sluice.delivery.staging import StagedRun
from sluice.delivery.step import noted
from sluice.delivery.steps import explained
from sluice.delivery.verify import verify
from sluice.destinations.local import LocalFolder
from sluice.errors import RetriableError, Skipped
from sluice.model.manifest import Manifest
from sluice.model.part import Part
from tests.builders import World

pytestmark = pytest.mark.slow

MOST = 20


def world(root: Path, records: int, *, chunks: str = "{records: 6}", export: str = "", most: int = MOST) -> World:
    """A segment `senior` with so many records, and an export that splits it."""
    here = World(root)
    here.dataset("people", pa.table({"id": range(records), "text": [f"{n:0100d}" for n in range(records)]}))
    limits = f"limits: {{records_per_segment: {most}}}, split_segments: true"
    here.declare(
        {
            "catalog/datasets.yaml": "people: {kind: profile, key: id, source:"
            " {type: parquet, airflow_conn_id: lake, path: people}}",
            "catalog/segments.yaml": "{senior: {dataset: people, where: 'true'},"
            " few: {dataset: people, where: id < 3}}",
            "connections/out.yaml": f"{{type: local, airflow_conn_id: out, {limits}}}",
            "exports/ads.yaml": f"{{kind: segment-export, connection: out, fields: [id, text], over_limit: split,"
            f" format: {{type: csv, compression: none}}, chunks: {chunks}, {export or 'segments: [senior]'}}}",
        }
    )
    here.refresh()
    return here


def groups(here: World) -> dict[str, list[int]]:
    """The keys in the files of each folder below the connection's, in the files' order."""
    found: dict[str, list[int]] = defaultdict(list)
    for name in here.delivered():
        if name.endswith(".csv"):
            read = f"SELECT id FROM read_csv('{here.root / 'out' / name}')"  # noqa: S608 - a test's own path
            found[name.split("/")[0]] += [row[0] for row in duckdb.sql(read).fetchall()]
    return found


def manifest(here: World) -> Manifest:
    return Manifest.model_validate_json((here.root / "out" / here.plan("ads").manifest).read_bytes())


def check(here: World, report: Report, records: int) -> None:
    """Every row arrived once, in as few groups as possible, and the manifest and the report know which."""
    found, count = groups(here), max(1, -(-records // MOST))
    names = ["senior", *(f"senior-{number}" for number in range(2, count + 1))]
    assert sorted(found) == sorted(names)
    assert [key for name in names for key in found[name]] == list(range(records))
    assert all(len(ids) <= MOST for ids in found.values())
    split = {name: len(found[name]) for name in names} if count > 1 else {}
    assert report.feeds["senior"].groups == split
    written = manifest(here)
    for part in written.exportResults:
        assert part.group == (part.path.split("/")[0] if split else None)
    assert ("group" in (here.root / "out" / here.plan("ads").manifest).read_text()) == bool(split)
    destination = here.plan("ads").connection.destination.open(here, name="out", threads=1)
    assert list(verify(written, destination)) == []


@pytest.mark.parametrize("records", [1, MOST - 1, MOST, MOST + 1, 2 * MOST, 2 * MOST + 1])
def test_a_segment_over_the_limit_is_split(tmp_path: Path, records: int) -> None:
    here = world(tmp_path, records)
    check(here, here.run("ads"), records)


@pytest.mark.parametrize("chunks", ["{records: 50}", "{records: 20}", "{bytes: 1 KB}", "{bytes: 1 MB, records: 7}"])
def test_chunks_of_any_size_end_with_their_group(tmp_path: Path, chunks: str) -> None:
    here = world(tmp_path, 2 * MOST + 1, chunks=chunks)
    check(here, here.run("ads"), 2 * MOST + 1)
    assert len(manifest(here).exportResults) >= 3


def test_several_shards(tmp_path: Path) -> None:
    here = world(tmp_path, 5 * MOST + 3, chunks="{records: 6, shard_bytes: 1 KB, shards: 9}")
    assert len(chunk(here.extract("ads"), here)) > 5
    check(here, here.run("ads"), 5 * MOST + 3)


class Remembered:
    """A receipts that lives on."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def sent(self, extract: str) -> list[Part]:
        return self.parts

    def record(self, extract: str, parts: Any) -> None:
        self.parts += parts


def broken(here: World, monkeypatch: pytest.MonkeyPatch, at: str) -> tuple[StagedRun, Remembered]:
    """A run whose upload fails at the first file in a folder of this name."""
    put, receipts = LocalFolder.put, Remembered()

    def breaking(self: LocalFolder, name: str, body: Any) -> Any:
        if name.startswith(f"{at}/"):
            raise RetriableError("the network is gone")
        return put(self, name, body)

    staged = here.extract("ads")
    with monkeypatch.context() as patched:
        patched.setattr(LocalFolder, "put", breaking)
        with pytest.raises(RetriableError):
            here.upload(staged, receipts)
    return staged, receipts


@pytest.mark.parametrize("chunks", ["{records: 6, retries: 0, threads: 1}", "{bytes: 1 KB, retries: 0, threads: 1}"])
def test_a_retry_sends_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunks: str) -> None:
    here = world(tmp_path, 3 * MOST + 5, chunks=chunks)
    staged, receipts = broken(here, monkeypatch, "senior-3")
    before = {part.name for part in receipts.parts}
    assert any(name.startswith("senior-2/") for name in before), "parts of two groups had arrived by then"
    put, again = LocalFolder.put, []
    monkeypatch.setattr(LocalFolder, "put", lambda self, name, body: (again.append(name), put(self, name, body))[1])
    here.upload(staged, receipts)
    assert again
    assert not before & set(again)
    check(here, here.publish(staged), 3 * MOST + 5)


@pytest.mark.parametrize("chunks", ["{records: 6, retries: 0, threads: 1}", "{bytes: 1 KB, retries: 0, threads: 1}"])
def test_an_aborted_run_leaves_no_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunks: str) -> None:
    here = world(tmp_path, 3 * MOST + 5, chunks=chunks)
    staged, _ = broken(here, monkeypatch, "senior-3")
    assert {"senior", "senior-2"} <= set(groups(here))
    foreign = here.root / "out" / "senior-2" / "of-somebody-else.csv"
    foreign.write_text("id\n1\n")
    abort(staged, here, here.now)
    assert here.delivered() == ["senior-2/of-somebody-else.csv"]


def test_parts_of_an_earlier_limit_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is cleared after the connection's limit has changed names its groups anew."""
    here = world(tmp_path, 3 * MOST, chunks="{records: 6, retries: 0, threads: 1}")
    staged, receipts = broken(here, monkeypatch, "senior-3")
    text = (here.include / "connections" / "out.yaml").read_text()
    here.declare({"connections/out.yaml": text.replace(f"records_per_segment: {MOST}", "records_per_segment: 45")})
    staged = here.extract("ads")
    here.upload(staged, receipts)
    here.publish(staged)
    assert {name: len(ids) for name, ids in groups(here).items()} == {"senior": 30, "senior-2": 30}


def test_a_resend_repeats_every_group(tmp_path: Path) -> None:
    here = world(tmp_path, 2 * MOST + 1)
    here.run("ads")
    before = {name: (here.root / "out" / name).read_bytes() for name in here.delivered()}
    for name in before:
        (here.root / "out" / name).unlink()
    extracted = load_run(here.plan("ads").staging, "ads", "manual__1", here)
    staged = StagedRun.named(here.plan("ads").staging, "ads", str(here.plan("ads").run.id)).known(here)
    assert extracted.folder == staged.folder
    here.upload(staged)
    publish_again(staged, here, here.now)
    assert {name: (here.root / "out" / name).read_bytes() for name in here.delivered()} == before


def test_the_segments_name_may_be_in_the_file(tmp_path: Path) -> None:
    here = world(tmp_path, MOST + 1, export="segments: [senior], folder: drop, file: '%SEGMENT_ID%_%RUN_ID%_%PART%'")
    here.run("ads")
    run = here.plan("ads").run.id
    names = [f"drop/senior-2_{run}_00002.csv", *(f"drop/senior_{run}_0000{n}.csv" for n in (0, 1))]
    assert [name for name in here.delivered() if name.endswith("csv")] == [
        f"drop/senior-2_{run}_00002.csv",
        f"drop/senior-2_{run}_00003.csv",
        *names[1:],
    ]
    assert here.plan("ads").manifest == f"drop/manifest-out-{run}.json"


def test_the_manifest_stands_above_every_group(tmp_path: Path) -> None:
    """Also in runs that are not split: consumers find it at one place."""
    here = world(tmp_path, 3)
    here.run("ads")
    assert here.plan("ads").manifest == f"manifest-out-{here.plan('ads').run.id}.json"
    assert here.plan("ads").manifest in here.delivered()


def test_only_the_segment_over_the_limit_is_split(tmp_path: Path) -> None:
    here = world(tmp_path, MOST + 1, export="segments: [senior, few]")
    report = here.run("ads")
    assert {name: len(ids) for name, ids in groups(here).items()} == {"senior": 11, "senior-2": 10, "few": 3}
    assert report.feeds["few"].groups == {}


def test_a_split_run_does_not_warn(tmp_path: Path) -> None:
    here = world(tmp_path, MOST + 1)
    assert noted(here.extract("ads").open(here), "extract").warnings == []
    said = explained(here.plan("ads"))
    assert "groups    of at most 20 records: senior, senior-2, senior-3, ..." in said
    assert "records-per-segment       a segment with more than 20 records is split" in said
    assert "near-limit" not in said
    assert "%" not in said.replace("90 %", ""), "no placeholder is shown"
    assert "folder    senior/exportTime=202603090405" in said


@pytest.mark.parametrize(("records", "skipped"), [(2 * MOST, False), (MOST + 1, True)])
def test_a_group_that_is_too_small_skips_the_run(tmp_path: Path, records: int, *, skipped: bool) -> None:
    """The target takes each group as a segment."""
    here = world(tmp_path, records)
    text = (here.include / "connections" / "out.yaml").read_text()
    here.declare({"connections/out.yaml": text.replace("limits: {", "limits: {least_records_per_segment: 11, ")})
    if not skipped:
        here.run("ads")
        return
    with pytest.raises(
        Skipped, match="senior has 10 records in the last of its 2 groups, but connection out accepts none"
    ):
        here.run("ads")


def test_the_whole_run_still_has_a_limit(tmp_path: Path) -> None:
    here = world(tmp_path, MOST + 1)
    text = (here.include / "connections" / "out.yaml").read_text()
    here.declare({"connections/out.yaml": text.replace("limits: {", f"limits: {{records_per_run: {MOST}, ")})
    with pytest.raises(Skipped, match="the run has 21 records"):
        here.run("ads")


def test_the_projects_limit_splits_too(tmp_path: Path) -> None:
    here = world(tmp_path, MOST + 1)
    here.declare({"project.yaml": "{limits: {records_per_segment: 7}}"})
    here.run("ads")
    assert {name: len(ids) for name, ids in groups(here).items()} == {"senior": 7, "senior-2": 7, "senior-3": 7}
