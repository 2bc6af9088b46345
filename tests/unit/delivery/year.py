"""A simulated year of hourly runs: the real code on small Parquet files, with everything that goes wrong.

Each hour rows arrive, some of them late. The run of that hour may die at any step, be retried, be cleared later, or
fall asleep and wake up after others have published. The export may be paused; slices are backfilled; old files that
were delivered go. What must hold in the end follows from the rows that were written and the manifests at the
destination.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.delivery.commit.commit import Commit
from sluice.delivery.commit.deliveries import Deliveries
from sluice.delivery.commit.run_log import RunLog
from sluice.delivery.publish.publish import Publication
from sluice.delivery.staging import StagedRun
from sluice.errors import FatalError
from sluice.model.manifest import Manifest
from sluice.model.run import Window
from tests.builders import World

HOUR = timedelta(hours=1)
LATE = timedelta(hours=2)
EXPORT = "hourly"
FILES = {
    "catalog/datasets.yaml": """
        files: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: files}}
        stamped:
          kind: event
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: stamped}
          incremental: {column: at, late: 2 hours}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out, folder: drop}",
    f"exports/{EXPORT}.yaml": """
        {kind: dataset-export, connection: out, datasets: [files, stamped], chunks: {records: 9}}
        """,
}


class Killed(BaseException):
    """The process is gone: no code of ours sees it."""


STEPS: dict[str, tuple[Any, str]] = {
    "a step of the run": (RunLog, "append"),
    "the claim": (Deliveries, "claim"),
    "the decision": (Commit, "finish"),
    "the publication": (Publication, "run"),
}
"""The points at which a run dies or sleeps: before or after one of these steps."""


@dataclass
class Year:
    """The world, its clock, and what is known of both from outside."""

    world: World
    seed: int
    written: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    """Each row's dataset and the time it counts from: its stamp, or when its file was written."""
    seen: Counter[str] = field(default_factory=Counter)
    """How often each kind of mishap has happened: a simulation without mishaps would prove nothing."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.world.declare(FILES)
        self._rows, self._runs, self._asleep = count(), count(), 0
        self._old: list[str] = []
        self._zombies: list[StagedRun] = []
        self._parsed: dict[Path, Manifest] = {}
        self._read: dict[str, list[int]] = {}
        self._paused, self._quiet = 0, False
        self._write("files", [self.world.now])
        self._write("stamped", [self.world.now - LATE])

    def live(self, hours: int) -> None:
        for _ in range(hours):
            self.world.now += HOUR
            self._arrive()
            if self._paused:
                self._paused -= 1
                continue
            if self._happens(0.01, "pause"):
                self._paused = self.random.randint(1, 30)
            self.run_due()
            if self._happens(0.03, "backfill"):
                self.backfill()
            if self._old and self._happens(0.03, "cleared"):
                self.steps(self.random.choice(self._old[-30:]))
            if self._zombies and self._happens(0.3, "woken"):
                self._wake(self._zombies.pop(0))
            if self._happens(0.2, "removed"):
                self._remove_delivered()

    def settle(self) -> None:
        """Quiet hours, until everything that was written is old enough to be delivered."""
        self._quiet = True
        for _ in range(3):
            self.world.now += HOUR + timedelta(minutes=1)
            assert self.steps(f"quiet-{self.world.now:%Y%m%d%H%M}"), "nothing disturbs it, so it publishes"

    def run_due(self) -> None:
        run_id = f"scheduled__{next(self._runs):05d}"
        self._old.append(run_id)
        for _ in range(self.random.randint(1, 3)):
            with self._mishap():
                if self.steps(run_id):
                    return

    def steps(self, run_id: str, **run: object) -> bool:
        """One attempt of a run, with its tasks called as by Airflow. Whether it has published."""
        staged = None
        try:
            staged = self.world.extract(EXPORT, run_id, **run)
            if self._happens(0.03, "upload failed"):
                raise Killed
            self.world.upload(staged)
            if self._happens(0.02, "asleep before publish"):
                self._zombies.append(staged)
                return False
            self.world.publish(staged)
        except Killed:
            if staged and self._happens(0.5, "aborted"):
                self.world.abort(staged)
            return False
        except FatalError as refused:
            self.seen[f"refused: {refused.what.split(': ')[-1][:40]}"] += 1
            return False
        return True

    def backfill(self) -> None:
        """A past slice of time, by itself: exactly what was added in it and is still there."""
        until = self.world.now - HOUR * self.random.randint(3, 60)
        window = Window(after=until - HOUR * self.random.randint(1, 24), until=until)
        before = json.dumps(self.world.watermarks)
        staged = self.world.extract(EXPORT, f"backfill__{next(self._runs)}", window=window)
        if (self.world.root / "out" / "drop" / self.world.plan(EXPORT, "x", window=window).manifest).exists():
            return
        self.world.upload(staged)
        manifest = Manifest.model_validate_json(Path(self.world.publish(staged).manifest).read_bytes())
        assert json.dumps(self.world.watermarks) == before
        there = self._there()
        expected = {row for row, (_, at) in self.written.items() if window.after < at <= window.until and row in there}
        assert Counter(self._rows_of(manifest)) == Counter(expected)

    def delivered(self) -> Counter[int]:
        """Every row of every published incremental delivery."""
        return Counter(row for one in self.manifests() if not _is_backfill(one) for row in self._rows_of(one))

    def manifests(self) -> list[Manifest]:
        """Those that are there; each is parsed once, for it never changes."""
        paths = list((self.world.root / "out").rglob("manifest-*.json"))
        self._parsed |= {p: Manifest.model_validate_json(p.read_bytes()) for p in paths if p not in self._parsed}
        return [self._parsed[path] for path in paths]

    def chain(self) -> list[str]:
        """Run ids from the last delivery back to the first, as the manifests say it."""
        known = {one.flowRunId: one for one in self.manifests() if not _is_backfill(one)}
        here: str | None = self.world.watermarks[EXPORT]["run"]
        found = []
        while here:
            found.append(known[here].run_id)
            here = known[here].previous
        assert len(found) == len(known), "a published delivery that no other follows"
        return found

    @contextmanager
    def _mishap(self) -> Iterator[None]:
        """Perhaps the run dies around one of its acts, or sleeps there while others run."""
        if self._asleep or self.random.random() > 0.12:
            yield
            return
        step = self.random.choice(list(STEPS))
        kind = self.random.choice(["killed before", "killed after", "asleep before", "asleep after"])
        owner, name = STEPS[step]
        act: Callable[..., Any] = getattr(owner, name)
        armed = True

        def around(*args: Any, **words: Any) -> Any:
            nonlocal armed
            if not armed:
                return act(*args, **words)
            armed = False
            self.seen[f"{kind} {step}"] += 1
            if kind.endswith("before"):
                self._strike(kind)
                return act(*args, **words)
            done = act(*args, **words)
            self._strike(kind)
            return done

        with mock.patch.object(owner, name, around):
            yield

    def _strike(self, kind: str) -> None:
        if kind.startswith("killed"):
            raise Killed
        self._asleep += 1
        for _ in range(self.random.randint(1, 2)):
            self.world.now += HOUR
            self._arrive()
            self.run_due()
        self._asleep -= 1

    def _wake(self, staged: StagedRun) -> None:
        try:
            self.world.publish(staged)
        except FatalError:
            self.seen["refused a zombie"] += 1

    def _arrive(self) -> None:
        now = self.world.now
        if self.random.random() < 0.6:
            self._write("files", [now] * self.random.randint(1, 12))
        if self.random.random() < 0.8:
            late = [now - self.random.random() * LATE * 0.99 for _ in range(self.random.randint(1, 12))]
            self._write(
                "stamped", [at.replace(minute=0, second=0, microsecond=0) if at.minute < 6 else at for at in late]
            )

    def _write(self, dataset: str, times: list[datetime]) -> None:
        rows = [next(self._rows) for _ in times]
        path = self.world.root / "lake" / dataset / f"{rows[0]:08d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table({"id": rows, "at": pa.array(times, pa.timestamp("us", "UTC"))})
        pq.write_table(table, path, row_group_size=7)
        os.utime(path, (self.world.now.timestamp(),) * 2)
        self.written |= {row: (dataset, at) for row, at in zip(rows, times, strict=True)}

    def _there(self) -> set[int]:
        lake = self.world.root / "lake"
        return {row for path in lake.rglob("*.parquet") for row in pq.read_table(path)["id"].to_pylist()}

    def _remove_delivered(self) -> None:
        """Old files go, once all of their rows were delivered; the newest stays, for the dataset must be there."""
        delivered = self.delivered()
        for dataset in ("files", "stamped"):
            for path in sorted((self.world.root / "lake" / dataset).glob("*.parquet"))[:-6]:
                if all(row in delivered for row in pq.read_table(path)["id"].to_pylist()):
                    path.unlink()

    def _rows_of(self, manifest: Manifest) -> list[int]:
        if manifest.flowRunId not in self._read:
            paths = [self.world.root / "out" / "drop" / part.path for part in manifest.exportResults]
            lines = [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]
            self._read[manifest.flowRunId] = [json.loads(line)["id"] for line in lines]
        return self._read[manifest.flowRunId]

    def _happens(self, probability: float, what: str) -> bool:
        happens = self.random.random() < probability and not self._quiet
        self.seen[what] += happens
        return happens


def _is_backfill(manifest: Manifest) -> bool:
    return any(feed.window for feed in manifest.feeds.values())
