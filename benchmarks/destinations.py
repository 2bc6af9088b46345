"""How fast files reach S3 and SFTP on this machine's loopback: Sluice's destinations and the fastest client tools.

`python -m benchmarks.destinations --mib 1024 --rounds 3`. The work is one delivery of eight files of bytes that cannot
be compressed, as Parquet's hardly can, read from the page cache. Client and server share the processors, so the ratios
of a round count, and no absolute figure. The servers are rclone (S3) and OpenSSH's sshd (SFTP; it takes root).
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from sluice.destinations import DESTINATIONS
from tests.servers import s3
from tests.servers.fleet import Fleet
from tests.servers.ssh import SftpServer

MIB = 1 << 20
FILES = 8
THREADS = 4
TARGET = 0.9
"""What a delivery must reach of the fastest client's speed."""


@dataclass(frozen=True)
class Row:
    """A client's speed in MiB/s, median of the rounds, and the median of its rounds' ratios to the round's fastest
    other client; `cpu` is its processor seconds in a round, its own process's and its children's."""

    server: str
    client: str
    speed: float
    ratio: float
    cpu: float


def run(rounds: int = 3, mib: int = 1024) -> list[Row]:
    """Measure; the clients take turns within a round."""
    fleet = Fleet()
    try:
        files = _files(fleet.folder / "files", mib * MIB // FILES)
        return [*_measure("s3 (rclone)", _s3_clients(fleet), files, rounds), *_sftp(fleet, files, rounds)]
    finally:
        fleet.close()


def _sftp(fleet: Fleet, files: Sequence[Path], rounds: int) -> list[Row]:
    return _measure("sftp (sshd)", _sftp_clients(fleet), files, rounds) if os.geteuid() == 0 else []


Client = Callable[[Sequence[Path]], None]


def _measure(server: str, clients: dict[str, Client], files: Sequence[Path], rounds: int) -> list[Row]:
    seconds: dict[str, list[float]] = {name: [] for name in clients}
    cpu: dict[str, list[float]] = {name: [] for name in clients}
    for number in range(rounds + 1):
        for name, send in clients.items():
            before, start = _cpu(), time.perf_counter()
            send(files[:1] if number == 0 else files)
            if number > 0:  # the first round loads what is loaded once
                seconds[name].append(time.perf_counter() - start)
                cpu[name].append(_cpu() - before)
    size = sum(file.stat().st_size for file in files) / MIB
    rows = []
    for name in clients:
        others = [min(seconds[other][n] for other in clients if other != name) for n in range(rounds)]
        ratio = median(best / own for best, own in zip(others, seconds[name], strict=True))
        rows.append(Row(server, name, size / median(seconds[name]), ratio, median(cpu[name])))
    return rows


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
        "boto3 transfer": lambda files: _boto3(address, files),
        "obstore": lambda files: _obstore(address, files),
        "pyarrow": lambda files: _pyarrow(address, files),
    }


def _boto3(address: str, files: Sequence[Path]) -> None:
    client = s3.client(address)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # its pool is smaller than its threads
    _at_once(lambda path: client.upload_file(str(path), s3.BUCKET, f"boto3/{path.name}"), files)


def _obstore(address: str, files: Sequence[Path]) -> None:
    import obstore
    from obstore.store import S3Store

    store = S3Store(
        s3.BUCKET,
        endpoint=address,
        access_key_id=s3.KEY,
        secret_access_key=s3.SECRET,
        region="us-east-1",
        virtual_hosted_style_request=False,
        unsigned_payload=True,
        client_options={"allow_http": True},
    )
    _at_once(lambda path: obstore.put(store, f"obstore/{path.name}", path, chunk_size=8 * MIB), files)


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
        "OpenSSH sftp": partial(_openssh, server, ()),
        "OpenSSH sftp, aes128-gcm": partial(_openssh, server, ("-c", "aes128-gcm@openssh.com")),
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


def table(rows: Sequence[Row]) -> str:
    """The rows as text, with the ratio to the fastest other client."""
    lines = [f"{'server':<13}{'client':<26}{'MiB/s':>7}{'ratio':>7}{'cpu s':>7}"]
    lines += [f"{r.server:<13}{r.client:<26}{r.speed:>7.0f}{r.ratio:>7.2f}{r.cpu:>7.1f}" for r in rows]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.destinations")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024)
    arguments = parser.parse_args()
    print(table(run(arguments.rounds, arguments.mib)))


if __name__ == "__main__":
    main()
