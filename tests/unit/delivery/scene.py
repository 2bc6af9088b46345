"""A world in which the promise is tested: one delivery is published, and there are rows for the next one."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.delivery.chunk import chunk
from sluice.delivery.cleaning.clean import Cleaner
from sluice.delivery.staging import StagedRun
from sluice.delivery.upload.upload import upload
from sluice.delivery.verify import verify
from sluice.destinations import DESTINATIONS
from sluice.destinations.base import Destination
from sluice.errors import FatalError, RetriableError, UnknownOutcomeError
from sluice.model.manifest import Manifest
from tests.builders import World
from tests.unit.delivery.faults import KeptReceipts, Killed, Tape, Watched

EXPORT, MINE = "news", "someone-elses.txt"
FILES = {
    "catalog/datasets.yaml": """
        files: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: files}}
        stamped:
          kind: event
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: stamped}
          incremental: {column: at, late: 1 hour}
        """,
    f"exports/{EXPORT}.yaml": """
        kind: dataset-export
        connection: out
        datasets: [files, stamped]
        chunks: {records: 4, threads: 1, retries: 0}
        manifest: {success_marker: true}
        """,
}
LOCAL = "{type: local, airflow_conn_id: out, folder: drop}"


@dataclass
class Scene:
    """A world with one delivery published, and rows that the next one should bring; and Airflow's part in it."""

    world: World
    type: str = "local"
    connection: str = LOCAL
    retries: int = 0
    tape: Tape = field(default_factory=Tape)
    receipts: dict[str, KeptReceipts] = field(default_factory=dict)
    """One for each task of each run, as in Airflow."""
    written: set[int] = field(default_factory=set)
    deaths: int = 0

    def __post_init__(self) -> None:
        self.world.declare(FILES | {"connections/out.yaml": self.connection})
        self._watermarks: Any = self.world.watermarks
        self.arrive(10)
        assert self.run("before")
        self.destination(lambda at: at.put(f"files/{MINE}", [b"mine"]))
        self.before = self.there()
        self.arrive(10)

    def again(self, root: Path, retries: int = 0) -> Scene:
        """The same scene below another folder. Only for a scene in which nothing has happened yet."""
        shutil.copytree(self.world.root, root)
        scene = copy(self)
        scene.world = replace(self.world, root=root)
        scene._watermarks, scene.receipts = deepcopy(self._watermarks), deepcopy(self.receipts)
        scene.tape, scene.written, scene.retries = Tape(), set(self.written), retries
        return scene

    def keep(self, watermarks: Any) -> None:
        """From here on the watermark is kept elsewhere."""
        for export, value in self._watermarks.items():
            watermarks.set(export, value)
        self._watermarks = watermarks

    def arrive(self, rows: int) -> None:
        """Rows of both datasets, all old enough to be delivered."""
        first = len(self.written)
        for name, ids in (("files", range(first, first + rows)), ("stamped", range(first + rows, first + 2 * rows))):
            path = self.world.root / "lake" / name / f"{first:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            at = pa.array([self.world.now - timedelta(hours=1, seconds=1)] * rows, pa.timestamp("us", "UTC"))
            pq.write_table(pa.table({"id": pa.array(ids, pa.int64()), "at": at}), path, row_group_size=6)
            self.written |= set(ids)
        self.world.now += timedelta(hours=1)

    def run(self, run_id: str) -> bool:
        """A run as Airflow runs it: each task is retried if that may help, and the teardown always runs."""
        plan = self.world.plan(EXPORT, run_id)
        staged, cleaner = StagedRun.of(plan), Cleaner(plan.staging, EXPORT, self.world, lambda _: True)
        steps: tuple[Callable[[], Any], ...] = (
            lambda: self.world.extract(EXPORT, run_id),
            lambda: self.upload(staged),
            lambda: self.world.publish(staged),
        )
        published = all(self.task(step) for step in steps)
        self.task(lambda: self.world.abort(staged))
        self.task(lambda: list(cleaner.clean(self.world.now, but=str(plan.run.id))))
        return published

    def task(self, step: Callable[[], Any]) -> bool:
        """Whether one of the task's attempts has succeeded."""
        self.world.watermarks = Watched(self._watermarks, "watermarks", self.tape)
        for _ in range(self.retries + 1):
            self.tape.dead = False
            try:
                with self.tape.recording(DESTINATIONS[self.type]):
                    step()
            except (RetriableError, UnknownOutcomeError):
                continue
            except Killed:
                self.deaths += 1
                continue
            except FatalError:
                return False
            else:
                return True
        return False

    def upload(self, staged: StagedRun) -> None:
        for shard in chunk(staged, self.world):
            kept = self.receipts.setdefault(f"{staged.folder} {shard.number}", KeptReceipts())
            receipts = Watched(kept, "receipts", self.tape)
            upload(staged, shard, self.world, receipts, lambda _: None)

    def destination(self, act: Callable[[Destination], Any]) -> Any:
        at = self.world.plan(EXPORT).connection.destination.open(self.world, name="out", threads=1)
        try:
            return act(at)
        finally:
            at.close()

    def there(self) -> dict[str, bytes]:
        """Every file at the destination."""
        return self.destination(lambda at: {one.name: b"".join(at.read(one.name)) for one in at.list("")})

    def check(self, *, settled: bool) -> None:
        """The promise. Once `settled`, nothing is missing and nothing is left over."""
        there = self.there()
        manifests = [Manifest.model_validate_json(body) for name, body in there.items() if "manifest-" in name]
        for manifest in manifests:
            assert self.destination(lambda at, one=manifest: list(verify(one, at))) == [], "a manifest tells no lie"
        assert {name: there.get(name) for name in self.before if not name.endswith("_SUCCESS")} == {
            name: body for name, body in self.before.items() if not name.endswith("_SUCCESS")
        }, "what was there before is not touched"
        listed = {part.path for manifest in manifests for part in manifest.exportResults}
        following = [one for one in manifests if not any(feed.window for feed in one.feeds.values())]
        rows = Counter(row for one in following for part in one.exportResults for row in _ids(there[part.path]))
        assert [row for row, times in rows.items() if times > 1] == [], "delivered twice"
        previous = [manifest.previous for manifest in following]
        assert len(set(previous)) == len(previous), "two deliveries follow the same one"
        if settled:
            assert set(rows) == self.written, "lost"
            left = [name for name in there if name not in listed and "manifest-" not in name]
            assert [name for name in left if not name.endswith(("_SUCCESS", MINE))] == [], "left over"


def _ids(body: bytes) -> Iterator[int]:
    return (json.loads(line)["id"] for line in gzip.decompress(body).splitlines())
