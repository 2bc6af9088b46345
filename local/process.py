"""Managed processes: each starts in its own session, is recorded, and is stopped with all its descendants."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from sluice.errors import FatalError

CLOCK_SLACK = 2.0
"""Seconds by which two readings of a process's creation time may differ, if the machine's clock is set in between."""


@dataclass(frozen=True)
class Process:
    """A process that leads a session. Its record outlives the command that started it.

    A process id may be reused, so the record also has the time of creation.
    """

    name: str
    pid: int
    created: float
    record: Path
    log: Path

    @classmethod
    def start(
        cls,
        name: str,
        argv: Sequence[str],
        *,
        run: Path,
        logs: Path,
        env: Mapping[str, str] | None = None,
        **popen: Any,
    ) -> Process:
        """Start `argv` with its output in `logs/NAME.log` and its record in `run/NAME.json`."""
        run.mkdir(parents=True, exist_ok=True)
        logs.mkdir(parents=True, exist_ok=True)
        log = logs / f"{name}.log"
        with log.open("ab") as output:
            child = subprocess.Popen(
                argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **popen,
            )
        child.returncode = 0  # it outlives this object on purpose: keeps `subprocess` from warning
        process = cls(name, child.pid, _created(child.pid) or time.time(), run / f"{name}.json", log)
        process.record.write_text(json.dumps({"pid": process.pid, "created": process.created, "log": str(log)}))
        return process

    @classmethod
    def recorded(cls, record: Path) -> Process:
        """The process of a record, running or not."""
        data = json.loads(record.read_text())
        return cls(record.stem, int(data["pid"]), float(data["created"]), record, Path(data["log"]))

    def alive(self) -> bool:
        """Whether it is still running, and its id was not reused by a later process."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)  # our own child stays a zombie after its end until it is reaped
        created = _created(self.pid)
        return created is not None and abs(created - self.created) < CLOCK_SLACK

    def stop(self, *, sign: int = signal.SIGTERM, patience: float = 10) -> None:
        """Send the signal `sign`; after `patience` seconds, kill the rest of its session."""
        members = self._members()
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sign)
            _wait(lambda: not self.alive(), patience)
        left = {*members, *self._members()}
        for member in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()  # psutil also checks that the id was not reused
        _wait(lambda: not self.alive() and not any(_runs(member) for member in left), patience)
        self.record.unlink(missing_ok=True)

    def ensure_alive(self) -> None:
        """Raise `FatalError` with the end of its log if it has died."""
        if not self.alive():
            raise FatalError(f"{self.name} has died; the end of {self.log}:\n{self.tail()}")

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _members(self) -> list[psutil.Process]:
        """The process, its descendants and the rest of its session, which includes orphaned children."""
        created = _created(self.pid)
        if created is not None and not self.alive():
            return []  # the id was reused, which the system allows only when our session is empty
        members = []
        for pid in psutil.pids():
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                if os.getsid(pid) == self.pid:
                    members.append(psutil.Process(pid))
        with contextlib.suppress(psutil.NoSuchProcess):
            members += psutil.Process(self.pid).children(recursive=True)  # PostgreSQL's children leave the session
        return members


def _created(pid: int) -> float | None:
    """When the process was created, in seconds since the epoch; None if it is gone or a zombie."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None


def _runs(process: psutil.Process) -> bool:
    return _created(process.pid) == process.create_time()


def _wait(done: Callable[[], bool], patience: float) -> None:
    deadline = time.monotonic() + patience
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
