"""The broker of the Celery workers: a Redis server on its own port, with its data in one folder."""

from __future__ import annotations

import re
import secrets
import shutil
import signal
import socket
import time

from local.keys import write_private
from local.layout import Layout
from local.ports import LOOPBACK, free_port
from local.process import Process
from sluice.errors import FatalError

_CONFIGURATION = "redis.conf"
PATIENCE = 60.0
"""Seconds that the server may take to start on a slow machine."""


def start(layout: Layout) -> str:
    """Start the server with an empty database and a new password. Returns its URL.

    Nothing is kept from an earlier one: Airflow itself sends tasks again whose messages are lost.
    """
    folder, port, password = layout.home / "redis", free_port(), secrets.token_urlsafe(24)
    lines = [
        f"bind {LOOPBACK}",
        f"port {port}",
        f"requirepass {password}",
        'save ""',
        "appendonly no",
        f'dir "{folder}"',
    ]
    # On the command line, every user could read the password.
    write_private(folder / _CONFIGURATION, "\n".join(lines) + "\n")
    _serve(layout, port)
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def kill_and_start_again(layout: Layout) -> None:
    """Kill the server, and start it again at the same address, without what it held."""
    Process.recorded(layout.run / "redis.json").stop(sign=signal.SIGKILL)
    settings = (layout.home / "redis" / _CONFIGURATION).read_text()
    _serve(layout, int(re.findall(r"^port (\d+)$", settings, re.M)[0]))


def _serve(layout: Layout, port: int) -> None:
    program = shutil.which("redis-server")
    if program is None:
        raise FatalError(
            "the CeleryExecutor needs a broker, and `redis-server` is not on PATH",
            next_step="run `apt-get install redis-server` (macOS: `brew install redis`), then start again",
        )
    argv = [program, str(layout.home / "redis" / _CONFIGURATION)]
    _wait_until_ready(Process.start("redis", argv, run=layout.run, logs=layout.logs), port)


def _wait_until_ready(server: Process, port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        server.ensure_alive()
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        if time.monotonic() > deadline:
            raise FatalError(f"Redis has not started within {PATIENCE:.0f} s; see {server.log}")
        time.sleep(0.05)
