"""An upload stops on request and when its run is aborted; its parts are removed after it has stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.airflow.operators.upload import UploadOperator
from sluice.delivery import abort as aborting
from sluice.delivery.chunk import chunk
from sluice.delivery.cleaning.clean import Cleaner
from sluice.delivery.commit.run_log import RunLog
from sluice.delivery.staging import StagedRun
from sluice.delivery.upload import watch
from sluice.delivery.upload.encode import Stopped
from sluice.delivery.upload.receipts import NoReceipts
from sluice.delivery.upload.upload import upload
from sluice.destinations.base import Stored
from sluice.destinations.local import LocalFolder
from tests.builders import World

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/people.yaml": """
        {kind: dataset-export, connection: out, datasets: [people], mode: full, chunks: {records: 1, threads: 4}}
        """,
}
PARTS = 2_000


class Slow:
    """A destination that needs a moment for each part, so that a shard needs half a minute."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent = 0
        self._enough = threading.Event()
        real = LocalFolder.put

        def put(folder: LocalFolder, name: str, body: Iterable[bytes]) -> Stored:
            time.sleep(0.05)
            stored = real(folder, name, body)
            self.sent += 1
            if self.sent == 20:
                self._enough.set()
            return stored

        monkeypatch.setattr(LocalFolder, "put", put)

    def wait(self) -> None:
        assert self._enough.wait(60), "it sends"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", pa.table({"id": range(PARTS)}))
    return world


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(monkeypatch)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def sending(world: World, staged: StagedRun, pool: ThreadPoolExecutor, stop: threading.Event) -> Future[Any]:
    (shard,) = chunk(staged, world)
    return pool.submit(upload, staged, shard, world, NoReceipts(), lambda _: None, stop)


def parts(world: World) -> int:
    return len([name for name in world.delivered() if "part-" in name])


@pytest.mark.slow
def test_one_that_is_told_to_stop_sends_nothing_more(world: World, slow: Slow, pool: ThreadPoolExecutor) -> None:
    stop, staged = threading.Event(), world.extract("people", "r1")
    sent = sending(world, staged, pool, stop)
    slow.wait()
    stop.set()
    before = slow.sent
    with pytest.raises(Stopped):
        sent.result(60)
    assert slow.sent <= before + 8, "what was under way, and no more"
    assert world.abort(staged).removed == parts(world) + slow.sent
    assert parts(world) == 0


@pytest.mark.slow
def test_a_run_that_is_aborted_stops_its_upload_and_is_cleaned_after_it(
    world: World, slow: Slow, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process gets no signal: Airflow has lost it."""
    monkeypatch.setattr(watch, "INTERVAL", 0.1)
    monkeypatch.setattr(aborting, "PAUSES", (0.1,) * 300)
    staged = world.extract("people", "r1")
    sent = sending(world, staged, pool, threading.Event())
    slow.wait()
    assert world.abort(staged).removed == slow.sent
    with pytest.raises(Stopped):
        sent.result(60)
    assert parts(world) == 0


@pytest.mark.slow
def test_what_one_that_never_said_that_it_stopped_sends_late_is_looked_for_again(world: World) -> None:
    world.declare({"exports/people.yaml": FILES["exports/people.yaml"].replace("records: 1,", "records: 100,")})
    staged = world.extract("people", "r1")
    world.upload(staged)
    stage = staged.open(world)
    stage.opened.below("sending").create("killed/mark", b"")
    (late,) = (world.root / "out").rglob("part-00007-*")
    body = late.read_bytes()

    def cleaned(*, keep: int = 20) -> bool:
        late.parent.mkdir(parents=True, exist_ok=True)
        late.write_bytes(body)
        staging = world.plan("people", "r2").staging.model_copy(update={"keep": keep})
        list(Cleaner(staging, "people", world, lambda _: True).clean(world.now))
        assert parts(world) == 0
        return RunLog(stage.opened.below("log")).state().closed

    assert world.abort(staged).removed == PARTS / 100
    assert not cleaned()
    assert not cleaned(), "and again, as long as it is staged"
    cleaned(keep=0)
    assert not list((world.root / "sluice_staging").rglob("plan.json")), "its staging goes in the end"


def test_airflow_tells_the_upload_to_stop_before_it_kills_it() -> None:
    task = UploadOperator(task_id="upload", shard={})
    task.on_kill()  # before it has begun
    task._stop = threading.Event()
    task.on_kill()
    assert task._stop.is_set()
