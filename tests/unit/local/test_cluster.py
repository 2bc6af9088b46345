"""The parts of `make cluster` that judge: what is exact, and who has sent what."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local import exact, lake, workers
from local.__main__ import main
from local.cluster import Cluster
from local.cluster_project import write_project
from local.hostname import hostname
from local.layout import Layout
from local.parts import Parts, Sums, Work
from sluice.airflow.rest import Rest
from sluice.airflow.runs import Run
from sluice.definition.load import load
from sluice.errors import FatalError
from tests.builders import World

pytestmark = pytest.mark.slow

ROWS = {"id": [1, 2, 3], "text": ["a", "b", None]}
ROOT = Path(__file__).parents[3]
RUN = Run("export__lines", "manual__1")


def written(path: Path, rows: dict[str, list[Any]]) -> list[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(rows), path)
    return [path]


def test_the_content_is_the_same_in_any_order_and_in_any_folder(tmp_path: Path) -> None:
    first = exact.content(written(tmp_path / "lake/1.parquet", ROWS))
    turned = {name: list(reversed(values)) for name, values in ROWS.items()}
    assert exact.content(written(tmp_path / "exportTime=2026/1.parquet", turned)) == first
    assert first.rows == 3


@pytest.mark.parametrize(
    "other",
    [
        {"id": [1, 2], "text": ["a", "b"]},
        {"id": [1, 2, 2], "text": ["a", "b", "b"]},
        {"id": [1, 2, 3], "text": ["a", "b", ""]},
        {"id": [1, 2, 3], "text": ["b", "a", None]},
    ],
    ids=["missing", "twice", "another value", "exchanged"],
)
def test_another_content_has_another_checksum(tmp_path: Path, other: dict[str, list[Any]]) -> None:
    assert exact.content(written(tmp_path / "a.parquet", ROWS)) != exact.content(written(tmp_path / "b.parquet", other))


def test_what_is_wrong_with_the_files_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.dataset("people", pa.table({"id": range(30)}))
    world.declare(
        {
            "catalog/datasets.yaml": """
                people: {kind: table, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
            """,
            "connections/out.yaml": "{type: local, airflow_conn_id: out}",
            "exports/all.yaml": "{kind: dataset-export, connection: out, datasets: [people], chunks: {records: 10}}",
        }
    )
    world.run("all")
    good = exact.listed(tmp_path / "out")
    assert (len(good.files), good.wrong) == (3, [])
    first, second, third = good.files
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1] + b"x")
    third.with_name("extra.parquet").write_bytes(b"")
    wrong = exact.listed(tmp_path / "out").wrong
    assert sorted(line.partition(":")[0] for line in wrong) == ["missing", "not listed", "other bytes"]
    for manifest in (tmp_path / "out").rglob("manifest-*"):
        manifest.unlink()
    assert "holds 0 manifests instead of one" in exact.listed(tmp_path / "out").wrong[0]


def answered(request: httpx.Request) -> httpx.Response:
    """Airflow, of which worker-2 was killed in shard 1."""
    path, index = request.url.path, int(request.url.params.get("map_index", -1))
    if path.endswith("/token"):
        return httpx.Response(200, json={"access_token": "x"})
    if path.endswith("/taskInstances"):
        tasks = [
            {"map_index": 1, "hostname": "worker-1", "start_date": at(20), "end_date": at(50)},
            {"map_index": 0, "hostname": "worker-1", "start_date": at(0), "end_date": at(10)},
        ]
        return httpx.Response(200, json={"task_instances": tasks, "total_entries": 2})
    if path.endswith("/tries"):
        names = {"0": [("worker-1", 10.0)], "1": [("worker-2", 7.0), ("worker-1", 30.0)]}
        tries = [{"hostname": name, "duration": seconds} for name, seconds in names[path.split("/")[-2]]]
        return httpx.Response(200, json={"task_instances": tries})
    if path.endswith("/progress"):
        return httpx.Response(200, json={"value": {"chunks_sent": 10, "records_sent": 100, "bytes_sent": 1000}})
    if path.endswith("/parts/0") and index == 1:
        parts = [{"records": 10, "bytes": 100}] * 3
        return httpx.Response(200, json={"value": {"parts": parts}})
    return httpx.Response(404, json={})


def at(second: int) -> str:
    return f"2026-03-09T04:05:{second:02d}+00:00"


def test_recorded_parts_count_for_the_worker_that_was_killed(tmp_path: Path) -> None:
    rest, work = Rest("http://airflow", transport=httpx.MockTransport(answered)), Work()
    sent = Parts(tmp_path).received(rest, RUN, 1)
    assert sent == Sums(3, 30, 300)
    work.lose("worker-2", 1, sent)
    work.read(rest, RUN)
    assert work.of == {"worker-1": Sums(17, 170, 1700, 40.0), "worker-2": Sums(3, 30, 300, 7.0)}
    assert work.table().splitlines()[2].split() == ["worker-2", "3", "30", "300", "7.0", "killed"]
    assert "all uploads took 50.0 s, 4 rows a second" in work.table()
    assert work.story() == "worker-2 was killed in shard 1 and had recorded 3 of its chunks; worker-1 sent the rest"


def test_the_chunks_of_a_shard_are_counted_by_their_names(tmp_path: Path) -> None:
    for number in (3, 4, 5, 9):
        written(tmp_path / "lineitem" / f"part-{number:05d}-tid-12345-0-1-c000.gz.parquet", ROWS)
    assert Parts(tmp_path).count({"first_chunk": 4, "chunks": 4}) == 2


@pytest.mark.parametrize(("rows", "count"), [(1, 1), (20_000, 2), (60_000_000, 16), (10**9, 500)])
def test_the_project_is_valid_for_any_size(tmp_path: Path, rows: int, count: int) -> None:
    layout = Layout(home=tmp_path, include=tmp_path / "include", settings=tmp_path / "s.yaml", workers=count)
    connection = json.dumps({"conn_type": "aws", "login": "k", "password": "s", "extra": {}})
    write_project(layout, connection, connection, rows)
    loaded = load(layout.include)
    assert not loaded.broken
    assert loaded.project.exports["lines"].chunks.shards <= 512
    assert oct(layout.settings.stat().st_mode & 0o777) == "0o600"


def test_two_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    with (tmp_path / "cluster.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FatalError, match="another `make cluster` is running"):
            Cluster(tmp_path / "cluster", rows=1, workers=1).run()


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="tables without rows") as refused:
        lake.make_one(tmp_path / "lineitem", "lineitem", 5 / lake.LINE_ITEMS)
    assert "6,000 line items" in refused.value.page()
    lake.make_one(tmp_path / "lineitem", "lineitem", lake.LEAST)
    made = exact.content(sorted((tmp_path / "lineitem").glob("*.parquet")))
    assert 5_900 < made.rows < 6_100


@pytest.mark.parametrize(
    "words", [["cluster", "--workers", "0"], ["up", "--workers", "-1"], ["cluster", "--rows", "x"]]
)
def test_wrong_numbers_are_refused(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words, Layout(home=tmp_path))
    assert "not a whole number of at least 1" in capsys.readouterr().err


def test_a_local_airflow_without_workers_is_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert workers.configuration(Layout(home=tmp_path), "") == {}
    assert workers.packages(Layout(home=tmp_path)) == []
    assert hostname() == socket.gethostname()
    monkeypatch.setenv("SLUICE_WORKER", "worker-7")
    assert hostname() == "worker-7"


def test_workers_share_the_parallel_tasks(tmp_path: Path) -> None:
    options = [
        workers.configuration(Layout(home=tmp_path, executor="celery", parallelism=8, workers=count), "redis://x")
        for count in (1, 3, 20)
    ]
    assert [one["celery"]["worker_concurrency"] for one in options] == [8, 2, 1]


@pytest.mark.parametrize(
    ("words", "commands"),
    [
        (["up"], ["-m local up --executor local --workers 2"]),
        (["up", "EXECUTOR=celery", "WORKERS=2"], ["--target .cluster", "-m local up --executor celery --workers 2"]),
        (["demo", "EXECUTOR=celery"], ["--target .cluster", "-m local demo --scale 1 --executor celery --workers 2"]),
        (["cluster"], ["--target .cluster", "-m local cluster --workers 2"]),
        (["cluster", "WORKERS=4", "SCALE=10"], ["-m local cluster --workers 4", "--scale 10"]),
        (["cluster", "ROWS=60000"], ["-m local cluster --workers 2", "--rows 60000"]),
        (["simulate"], ["-m benchmarks.simulate --write"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_make_starts_what_the_page_says(words: list[str], commands: list[str]) -> None:
    env = {"PATH": os.environ["PATH"]}
    made = subprocess.run(["make", "-n", "-B", *words], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert [command for command in commands if command not in made.stdout] == []
    if words in (["up"], ["cluster"]):
        assert "--scale" not in made.stdout
    assert (".cluster" in made.stdout) is ("EXECUTOR=celery" in words or "cluster" in words)
