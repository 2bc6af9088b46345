"""`make cluster`: one export on Celery workers that share no disk, one of which is killed in the middle.

Everything runs on this machine: PostgreSQL, Redis, Airflow, two S3 servers (one holds the lake and the deliveries on
disk, the other staging and logs) and the workers. Exit status 0 means that the delivery is exact.
"""

from __future__ import annotations

import fcntl
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local import exact, lake, redis
from local.airflow import Airflow
from local.cluster_project import DAG_ID, TABLE, write_project
from local.layout import Layout
from local.parts import Parts, Work
from local.process import Process
from sluice.airflow import runs
from sluice.airflow.rest import Outage, Rest
from sluice.airflow.runs import Run
from sluice.errors import FatalError

LIMIT = 3 * 3600.0
"""Seconds that the export may take: SF10 on two busy cores takes a few minutes."""
POLL = 0.2
"""Seconds between two looks at the workers' tasks, until one of them is killed."""


@dataclass
class Cluster:
    """One run of the whole, which prints its progress line by line."""

    home: Path
    rows: int
    workers: int
    pin: bool = False
    """Whether each worker has one core to itself."""
    kill: bool = True
    """Whether a worker is killed. A single one is not: nobody would be left."""
    broker: bool = False
    """Whether the broker is killed with it, and started again without the messages that it held."""
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.kill = self.kill and self.workers > 1
        self.layout = Layout(
            home=self.home,
            root=self.home / "project",
            include=self.home / "project" / "include",
            settings=self.home / "project" / "airflow_settings.yaml",
            port=0,
            parallelism=self.workers,
            reparse=600,
            executor="celery",
            workers=self.workers,
            share_nothing=True,
            pin=self.pin,
            environment={
                # Nobody else has the disk with a worker's logs.
                "AIRFLOW__LOGGING__REMOTE_LOGGING": "True",
                "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": "s3://logs/airflow",
                "AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID": "staging",
            },
        )
        self.airflow = Airflow(self.layout)

    def run(self) -> int:
        """Run it. Returns the exit status."""
        with ExitStack() as running:
            running.enter_context(self._alone())
            self.airflow.stop()
            shutil.rmtree(self.home, ignore_errors=True)  # runs of an earlier one would go on
            bucket = running.enter_context(self._servers())
            rest = running.enter_context(self._airflow())
            run = runs.trigger(rest, DAG_ID)
            self.say(f"the export is triggered: {run.run_id}")
            work = self._follow(rest, run, Parts(bucket / "out"))
            print("\n" + work.table() + "\n")
            return self._conclude(work, bucket)

    def say(self, line: str) -> None:
        """Print a line, with the seconds since the start."""
        print(f"{time.monotonic() - self.began:6.1f} s  {line}", flush=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Raises `FatalError` if another process runs this cluster: it would lose its files."""
        self.home.parent.mkdir(parents=True, exist_ok=True)
        with self.home.with_name(f"{self.home.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FatalError(
                    f"another `make cluster` is running in {self.home}", next_step="wait until it has ended"
                ) from None
            yield

    @contextmanager
    def _servers(self) -> Iterator[Path]:
        """The storage servers, with a lake. Gives the folder that holds the bucket of deliveries."""
        from tests.servers import s3

        folder = self.home / "servers"
        folder.mkdir(parents=True)
        with s3.ministack(folder) as staging, s3.rclone(folder) as store:
            s3.client(staging).create_bucket(Bucket="logs")
            self.say(f"making the lake: {self.rows:,} line items of TPC-H")
            lake.make_one(folder / "rclone" / "lake" / TABLE, TABLE, self.rows / lake.LINE_ITEMS)
            write_project(self.layout, s3.connection(staging), s3.connection(store), self.rows)
            yield folder / "rclone" / s3.BUCKET

    @contextmanager
    def _airflow(self) -> Iterator[Rest]:
        """A client of the running Airflow, which knows the export."""
        try:
            address = self.airflow.start(say=self.say)
            self.say(f"Airflow is up with {self.workers} Celery workers: {address.url}, password {address.password}")
            outage = Outage(say=self.say, meanwhile=self.airflow.ensure_alive)
            rest = Rest(address.url, address.user, address.password, outage=outage)
            while DAG_ID not in {dag["dag_id"] for dag in rest.every("dags", "dags")}:
                self.airflow.ensure_alive()
                time.sleep(0.5)
            yield rest
        finally:
            self.airflow.stop()

    def _follow(self, rest: Rest, run: Run, parts: Parts) -> Work:
        """Kill a worker in the middle of its shard, and wait until the run has ended."""
        deadline, work = time.monotonic() + LIMIT, Work()
        while (state := runs.state(rest, run)) not in runs.ENDED:
            self.airflow.ensure_alive()
            if time.monotonic() > deadline:
                raise FatalError(f"the export has not ended within {LIMIT / 60:.0f} min")
            if self.kill and not work.killed and (victim := self._victim(rest, run, parts)):
                worker, number = victim
                self._worker(worker).stop(sign=signal.SIGKILL)
                work.lose(worker, number, parts.received(rest, run, number))
                self.say(f"{worker} is killed with everything in it, in the middle of shard {number}")
                self._kill_broker()
            time.sleep(POLL if self.kill and not work.killed else 1)
        work.read(rest, run)
        if state != "success":
            for task in runs.tasks(rest, [run]):
                if task.state == "failed":
                    print(f"\n{task.title} has failed:", *runs.log(rest, task)[-25:], sep="\n    ")
            raise FatalError(f"the export has ended as {state}", next_step="see the logs above")
        return work

    def _victim(self, rest: Rest, run: Run, parts: Parts) -> tuple[str, int] | None:
        """A worker that has sent some chunks of its shard but not all, and the shard's number."""
        running = [one for one in runs.instances(rest, run, "upload") if one["state"] == "running" and one["hostname"]]
        shards = runs.result(rest, run, "chunk") if running else []
        for one in running:
            shard = shards[one["map_index"]]
            if 0 < parts.count(shard) < shard["chunks"]:
                return str(one["hostname"]), int(one["map_index"])
        return None

    def _kill_broker(self) -> None:
        if self.broker:
            redis.kill_and_start_again(self.layout)
            self.say("the broker is killed too, and is back without its messages")

    def _worker(self, name: str) -> Process:
        return next(process for process in self.airflow.processes() if process.name == name)

    def _conclude(self, work: Work, bucket: Path) -> int:
        """Compare the delivery with the lake, and say so in the last line. Returns the exit status."""
        source = exact.content(sorted((bucket.parent / "lake" / TABLE).glob("*.parquet")))
        listed = exact.listed(bucket / "out")
        delivered = exact.content(listed.files)
        wrong = [
            *listed.wrong,
            *([f"the lake holds {source}, the delivery {delivered}"] if source != delivered else []),
        ]
        for one in wrong:
            print(one)
        unharmed = self.kill and not work.killed
        more = ": the export was over too soon, give it more ROWS" if unharmed else ""
        verdict = "not exact" if wrong else "exact"
        print(f"{verdict}: {delivered} in {len(listed.files):,} files; {work.story()}{more}")
        return 1 if wrong or unharmed else 0
