"""A server process: started on a free loopback port, waited for, and stopped by its own process id."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / ".servers"
PATIENCE = 120.0
"""Seconds that a server may take to start."""


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
        _wait_for_port(port, process.poll, process.args, log)
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


def _wait_for_port(port: int, ended: Callable[[], int | None], what: object, log: Path) -> None:
    """Wait until something listens. `ended` is the process's exit status; None while it runs."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (status := ended()) is not None:
            raise RuntimeError(f"{what!r} ended with {status}:\n{log.read_text()[-2000:]}")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{what!r} does not listen on port {port}:\n{log.read_text()[-2000:]}")


@contextmanager
def forked(target: Callable[..., None], *arguments: Any, port: int, log: Path) -> Iterator[None]:
    """Run a function of a server module in a process that is forked from one that has imported it: many short-lived
    servers cost no start each. Ready when something listens on `port`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([target.__module__])
    process = context.Process(target=_logged, args=(log, target, arguments), daemon=True)
    process.start()
    try:
        _wait_for_port(port, lambda: None if process.is_alive() else process.exitcode, target, log)
        yield
    finally:
        process.terminate()
        process.join(5)
        process.kill()
        process.join()


def _logged(log: Path, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    warnings.simplefilter("error")
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        target(*arguments)


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs one of our own servers."""
    return [sys.executable, "-W", "error", "-m", f"tests.servers.{name}", *arguments]
