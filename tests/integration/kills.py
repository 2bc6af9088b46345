"""Runs that are hurt at random moments, on a real Airflow and real servers, and what a reader sees afterwards."""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.airflow.rest import RefusedError
from sluice.delivery.verify import verify
from sluice.destinations.failures import Origin
from sluice.destinations.local import LocalFolder
from sluice.model.manifest import Manifest
from tests.integration.stack import Stack
from tests.servers import s3, ssh
from tests.servers.faults import FaultProxy, Rule, faults
from tests.servers.process import free_port, module, program, running

PATIENCE = 400.0
"""Seconds for a run on a machine that is busy with other things."""
OVER = {"success", "failed", "skipped", "upstream_failed"}
ROWS = 2500
"""New rows a round: a minute's sending would be easier to hit, and take a hundred minutes."""


class Server:
    """A real server behind a proxy, with its files on this machine's disk: it can be cut off, and killed."""

    def __init__(self, command: list[str], port: int, files: Path, log: Path, *, raw: bool) -> None:
        self.files, self.port = files, port
        self._command, self._log = command, log
        self._life, self._cable = ExitStack(), ExitStack()
        self.start()
        self.proxy: FaultProxy = self._cable.enter_context(faults(port, raw=raw))
        self._raw = raw

    def start(self) -> None:
        self._life.enter_context(running(self._command, self.port, self._log))

    def stop(self) -> None:
        self._life.close()

    def close(self) -> None:
        self._cable.close()
        self.stop()

    def cut(self, seconds: float) -> None:
        """The network is lost for a while: what is on its way is reset, and so is what follows."""
        rule = Rule("cut", after=random.choice([0, 300, 5000]))
        self.proxy.rules.append(rule)
        time.sleep(seconds)
        self.proxy.rules.remove(rule)

    def away(self, seconds: float) -> None:
        """The server's process is killed, and started again after a while."""
        self.stop()
        time.sleep(seconds)
        self.start()


@contextmanager
def s3_server(folder: Path) -> Iterator[Server]:
    files = folder / "s3"
    (files / s3.BUCKET).mkdir(parents=True)
    port = free_port()
    command = [program("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{s3.KEY},{s3.SECRET}"]
    server = Server([*command, "--config", "/dev/null", str(files)], port, files, folder / "s3.log", raw=False)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def sftp_server(folder: Path) -> Iterator[tuple[Server, str]]:
    """With the host key that the connection must know."""
    import asyncssh

    files = folder / "asyncssh"
    files.mkdir()
    key, public = ssh.host_key(folder)
    client = asyncssh.generate_private_key("ssh-ed25519")
    (folder / "authorized_keys").write_bytes(client.export_public_key())
    port = free_port()
    server = Server(module("ssh_server", str(port), str(key), str(folder)), port, files, folder / "sftp.log", raw=True)
    try:
        yield server, public
    finally:
        server.close()


@dataclass
class Kills:
    """One export after another of rows that arrive, with harm done to each of its runs."""

    stack: Stack
    export: str
    server: Server
    folder: Path
    """What the connection delivers into, on disk."""
    random: random.Random
    written: int = 0
    done: Counter[str] = field(default_factory=Counter)
    """How often each harm has met a task, and how runs have ended."""
    seen: dict[str, bytes] = field(default_factory=dict)
    """Manifests that a reader has seen: none may change or go."""

    @property
    def dag_id(self) -> str:
        return f"export__{self.export}"

    @property
    def at(self) -> LocalFolder:
        return LocalFolder(self.folder, Origin("reader", "reader", str(self.folder)))

    def arrive(self) -> None:
        path = self.stack.root / "lake" / self.export / f"{self.written:08d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = range(self.written, self.written + ROWS)
        pq.write_table(pa.table({"id": pa.array(rows, pa.int64())}), path, row_group_size=500)
        self.written += ROWS

    def round(self, harm: str) -> None:
        """Rows arrive, a run is started and hurt at some moment of its life, and ends, one way or the other."""
        self.arrive()
        run_id = self.stack.trigger(self.dag_id)
        moment = self.random.choice(TASKS)
        hit = self.until_running(run_id, moment)
        time.sleep(self.random.random() * (2.0 if moment == "upload" else 0.5))
        self.done[f"{harm} in {moment}"] += bool(hit and self.hurt(harm, hit))
        state = self.stack.wait(self.dag_id, run_id, timeout=PATIENCE)
        self.done[state] += 1
        self.check()

    def quiet(self) -> None:
        """A run that nobody hurts: afterwards nothing is missing."""
        run_id = self.stack.trigger(self.dag_id)
        assert self.stack.wait(self.dag_id, run_id, timeout=PATIENCE) == "success"
        rows = self.check()
        assert rows == Counter(range(self.written)), "the deliveries together are not the source"
        listed = {part.path for one in self.manifests().values() for part in one.exportResults}
        there = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}
        assert {name for name in there - listed if "manifest-" not in name} == {"someone-elses.txt"}, "left over"

    def until_running(self, run_id: str, task_id: str) -> int | None:
        """The process of a task as soon as it runs; None where the run was over before it was seen."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(RefusedError):
                tasks = self.stack.task_instances(self.dag_id, run_id)
                running = {task["task_id"]: task["pid"] for task in tasks if task["state"] == "running"}
                if running.get(task_id):
                    return int(running[task_id])
                if {task["state"] for task in tasks if task["task_id"] == task_id} & OVER:
                    return None
            time.sleep(0.1)
        raise AssertionError(f"{run_id}: {task_id} did not run")

    def hurt(self, harm: str, pid: int) -> bool:
        """Whether there was something to hurt."""
        acts: dict[str, Callable[[], None]] = {
            "SIGKILL": lambda: os.kill(pid, signal.SIGKILL),
            "SIGTERM": lambda: os.kill(pid, signal.SIGTERM),
            "out of memory": lambda: _no_more_memory(pid),
            "network": lambda: self.server.cut(self.random.uniform(0.5, 4)),
            "server": lambda: self.server.away(self.random.uniform(0.5, 4)),
        }
        try:
            acts[harm]()
        except ProcessLookupError:
            return False
        return True

    def manifests(self) -> dict[str, Manifest]:
        paths = {str(path.relative_to(self.folder)): path for path in self.folder.rglob("manifest-*.json")}
        return {name: Manifest.model_validate_json(path.read_bytes()) for name, path in paths.items()}

    def check(self) -> Counter[int]:
        """What a reader who trusts manifests sees: whole deliveries, each once, of rows that were written. Its rows."""
        bodies = {name: (self.folder / name).read_bytes() for name in self.manifests()}
        assert self.seen.items() <= bodies.items(), "a manifest was changed or has gone"
        assert (self.folder / "someone-elses.txt").read_text() == "mine"
        for name in bodies.keys() - self.seen.keys():
            assert list(verify(Manifest.model_validate_json(bodies[name]), self.at)) == [], f"{name} tells a lie"
        self.seen = bodies
        manifests = self.manifests().values()
        assert len({one.previous for one in manifests}) == len(manifests), "two deliveries follow the same one"
        rows = Counter(row for one in manifests for part in one.exportResults for row in self._rows(part.path))
        assert max(rows.values(), default=1) == 1, "delivered twice"
        assert set(rows) <= set(range(self.written))
        return rows

    def _rows(self, name: str) -> list[int]:
        text = gzip.decompress((self.folder / name).read_bytes())
        return [json.loads(line)["id"] for line in text.splitlines()]


TASKS = ("extract", "upload", "upload", "upload", "publish", "publish")
"""Where harm is done, each as likely as it is listed."""
HARMS = ("SIGKILL", "SIGTERM", "out of memory", "network", "server")


def _no_more_memory(pid: int) -> None:
    """No further byte: the next allocation fails, in Python as MemoryError, in an engine as the end of the process.

    Of data alone: a stack that cannot grow would be a crash. One that crashes while Airflow parses the DAG does so for
    ever, under a handler of Airflow's own (`sluice.airflow.project`): it is ended, as the kernel would end it."""
    resource.prlimit(pid, resource.RLIMIT_DATA, (1 << 20, 1 << 20))
    parsed_by = time.monotonic() + 5
    with suppress(OSError):  # it has ended
        while time.monotonic() < parsed_by:
            os.kill(pid, 0)
            time.sleep(0.1)
        if _catches(pid, signal.SIGSEGV):
            os.kill(pid, signal.SIGKILL)


def _catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal. Raises `OSError` where there is no such process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(status["SigCgt"], 16) >> (number - 1) & 1)


def connect(stack: Stack, conn_id: str, connection: str) -> None:
    """Tell Airflow of a connection, given as JSON."""
    value: dict[str, Any] = json.loads(connection)
    extra = json.dumps(value.pop("extra", {}))
    stack.rest.post("connections", {"connection_id": conn_id, **value, "extra": extra})


@contextmanager
def playground(stack: Stack, folder: Path, seed: int) -> Iterator[list[Kills]]:
    """Both exports, each with its own server."""
    with s3_server(folder) as store, sftp_server(folder) as (drop, host_key):
        connect(stack, "kills_s3", s3.connection(f"http://127.0.0.1:{store.proxy.port}"))
        sftp = ssh.SftpServer(drop.proxy.port, host_key, drop.files)
        connect(stack, "kills_sftp", sftp.connection())
        both = []
        for name, server, files in (
            ("arrivals-s3", store, store.files / s3.BUCKET / "kills"),
            ("arrivals-sftp", drop, drop.files / "kills"),
        ):
            files.mkdir(parents=True)
            (files / "someone-elses.txt").write_text("mine")
            both.append(Kills(stack, name.replace("-", "_"), server, files, random.Random(f"{seed} {name}")))
        yield both


def play(both: list[Kills], rounds: int) -> None:
    """Half of the rounds on each server, both at a time, every harm in turn; then a quiet run."""
    failures: list[BaseException] = []

    def one(kills: Kills, shift: int) -> None:
        try:
            for number in range(rounds // 2):
                kills.round(HARMS[(number + shift) % len(HARMS)])
            kills.quiet()
        except BaseException as failed:  # the main thread raises it
            failures.append(failed)

    threads = [threading.Thread(target=one, args=(kills, shift)) for shift, kills in enumerate(both)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for kills in both:
        print(f"{kills.export}: {dict(kills.done)}, {len(kills.seen)} deliveries of {kills.written:,} rows")
    if failures:
        raise failures[0]
