"""A server process: started on a free loopback port, waited for, and stopped by its own process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / ".servers"


class NotInstalledError(Exception):
    """A server that this machine cannot have; the message says why."""


def program(name: str) -> str:
    """A program of `.servers`, which `make servers` fills."""
    for folder in (SERVERS / "bin", SERVERS / "azurite" / "node_modules" / ".bin"):
        if (folder / name).exists():
            return str(folder / name)
    raise RuntimeError(f"{name} is not in .servers: run `make servers`")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has right now.

    Drawn from a thousand of this worker's own, below those that systems give to clients: neither another worker nor a
    connection takes it before its server does, or while that is down."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 10_000 + worker % 20 * 1_000
    for port in SystemRandom().sample(range(first, first + 1_000), 1_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"no port from {first} on is free")


@contextmanager
def running(command: Sequence[str], port: int, log: Path, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run `command` until the block ends; ready when something listens on `port`. Gives its process id.

    It leads a process group of its own, which ends with it: some programs are wrappers that start the real one.
    """
    path = os.pathsep.join([str(SERVERS / "bin"), os.environ.get("PATH", "")])
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PATH": path, **(env or {})},
            start_new_session=True,
        )
    try:
        _wait_until_listening(process, port, log)
        yield process.pid
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the process and its children: Node from a wheel is the child of a Python, and would outlive it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen on port {port}:\n{log.read_text()[-2000:]}")


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs one of our own servers."""
    return [sys.executable, "-W", "error", "-m", f"tests.servers.{name}", *arguments]
