"""How fast files reach S3 and SFTP on this machine's loopback: Sluice's destinations and the fastest client tools.

`make bench WORKS=destinations`. The servers are rclone (S3) and OpenSSH's sshd (SFTP; it takes root): `make servers`.
"""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.process import Measured
from benchmarks.runs import Outcome, Result, Rounds
from sluice.destinations import DESTINATIONS
from tests.servers import s3
from tests.servers.fleet import Fleet
from tests.servers.process import NotInstalledError
from tests.servers.ssh import SftpServer

MIB = 1 << 20
SIZE = int(os.environ.get("SLUICE_BENCH_MIB", "1024"))
"""Mebibytes of the delivery."""
FILES = 8
THREADS = 4

Client = Callable[[Sequence[Path]], None]


class DeliveryRounds(Rounds):
    """Every client sends the same files to one server, in turn, from this process."""

    def run(self, rounds: int) -> Result:
        """Measure every round; before the first, each client sends one file, which loads what is loaded once."""
        result, began, fleet = self.empty(), time.monotonic(), Fleet()
        try:
            clients = _CLIENTS[self.work.name](fleet)
            files = _files(fleet.folder / "files", SIZE * MIB // FILES)
            for send in clients.values():
                send(files[:1])
            for number in range(rounds):
                for subject in self.work.subjects:
                    outcome = _timed(subject.name, number, clients[subject.name], files)
                    result.outcomes.append(outcome)
                    speed, cpu = outcome.rows / outcome.measured.total, outcome.measured.cpu
                    print(f"  {subject.title:42} {speed:7,.0f} MiB/s {cpu:7.1f} s CPU", flush=True)
        except (NotInstalledError, RuntimeError) as missing:
            result.missing["sluice"] = str(missing)
            print(f"  {missing}", flush=True)
        finally:
            fleet.close()
        result.seconds = time.monotonic() - began
        return result


def _timed(subject: str, number: int, send: Client, files: Sequence[Path]) -> Outcome:
    before, start = _cpu(), time.perf_counter()
    send(files)
    seconds = time.perf_counter() - start
    measured = Measured(total=seconds, work=seconds, cpu=_cpu() - before, rss=0)
    size = sum(file.stat().st_size for file in files)
    return Outcome(subject=subject, round=number, rows=size // MIB, measured=measured, bytes=size, files=len(files))


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _files(folder: Path, size: int) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"part-{number:05d}.parquet" for number in range(FILES)]
    for path in paths:
        with path.open("wb") as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))
    return paths


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(MIB):
            yield piece


def _at_once(send: Callable[[Path], object], files: Iterable[Path]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(send, files))


def _own(fleet: Fleet, kind: str, connection: str, **declared: Any) -> Client:
    conn_id = fleet.connect(f"bench_{kind}", connection)
    config = DESTINATIONS[kind].model_validate({"type": kind, "airflow_conn_id": conn_id, "folder": "own", **declared})

    def send(files: Sequence[Path]) -> None:
        destination = config.open(fleet, name="bench", threads=THREADS)
        _at_once(lambda path: destination.put(path.name, _pieces(path)), files)
        destination.close()

    return send


def _s3_clients(fleet: Fleet) -> dict[str, Client]:
    address = fleet.rclone
    return {
        "sluice": _own(fleet, "s3", s3.connection(address), bucket=s3.BUCKET),
        "boto3": lambda files: _boto3(address, files),
        "pyarrow": lambda files: _pyarrow(address, files),
    }


def _boto3(address: str, files: Sequence[Path]) -> None:
    client = s3.client(address)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # its pool is smaller than its threads
    _at_once(lambda path: client.upload_file(str(path), s3.BUCKET, f"boto3/{path.name}"), files)


def _pyarrow(address: str, files: Sequence[Path]) -> None:
    from pyarrow import fs

    os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "WHEN_REQUIRED")
    host = address.removeprefix("http://")
    at = fs.S3FileSystem(
        access_key=s3.KEY, secret_key=s3.SECRET, endpoint_override=host, scheme="http", region="us-east-1"
    )

    def send(path: Path) -> None:
        with at.open_output_stream(f"{s3.BUCKET}/pyarrow/{path.name}") as out:
            for piece in _pieces(path):
                out.write(piece)

    _at_once(send, files)


def _sftp_clients(fleet: Fleet) -> dict[str, Client]:
    server = fleet.sshd
    (server.folder / "openssh").mkdir(mode=0o777)
    (server.folder / "openssh").chmod(0o777)
    return {
        "sluice": _own(fleet, "sftp", server.connection()),
        "openssh": partial(_openssh, server, ()),
        "openssh-gcm": partial(_openssh, server, ("-c", "aes128-gcm@openssh.com")),
    }


def _openssh(server: SftpServer, options: Sequence[str], files: Sequence[Path]) -> None:
    """One connection, file after file: what the tool does with a batch."""
    batch = "".join(f"put {path} openssh/{path.name}\n" for path in files)
    settings = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes")
    command = ["sftp", "-q", "-b", "-", "-P", str(server.port), *options]
    command += ["-i", str(server.folder.parent / "client_key")]
    command += [word for setting in settings for word in ("-o", setting)]
    subprocess.run(
        [*command, f"{server.username}@127.0.0.1"], input=batch.encode(), check=True, stdout=subprocess.DEVNULL
    )


_CLIENTS: dict[str, Callable[[Fleet], dict[str, Client]]] = {"s3": _s3_clients, "sftp": _sftp_clients}
