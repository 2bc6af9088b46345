"""One measured process: wall time, CPU seconds and peak memory of it and everything below it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from pydantic import BaseModel

INTERVAL = 0.05
"""Seconds between two looks at the process tree."""


class Failed(Exception):  # noqa: N818 - a result to report
    """A measured process that did not succeed; its text is the end of what it said."""


class Measured(BaseModel):
    """One run of one subject."""

    total: float
    """Seconds from the process's start to its end."""
    work: float
    """Seconds without start: imports, and a JVM where there is one."""
    cpu: float
    """CPU seconds of the process and its children."""
    rss: int
    """Bytes of resident memory at the peak, added up over the process tree."""
    said: dict[str, float | int | str | bool] = {}
    """What else the process said of itself."""


def measure(argv: Sequence[str], env: Mapping[str, str], log: Path) -> Measured:
    """Run a command whose last line comes from `clock`. Raises `Failed` where it does not succeed."""
    with log.open("wb") as errors:
        began = time.monotonic()
        process = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=errors)
        tree = _Tree(process.pid)
        assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        with process.stdout as said_by_it:
            printed = said_by_it.read()
        _, status, usage = os.wait4(process.pid, 0)
        ended = time.monotonic()
        process.returncode = os.waitstatus_to_exitcode(status)
        tree.close()
    lines = printed.decode(errors="replace").strip().splitlines()
    if process.returncode or not lines:
        raise Failed(f"{' '.join(argv)}: exit {process.returncode}\n{log.read_text(errors='replace')[-2000:]}")
    said = json.loads(lines[-1])
    return Measured(
        total=ended - began,
        work=said.pop("ended") - said.pop("began"),
        cpu=max(usage.ru_utime + usage.ru_stime, tree.cpu()),
        rss=max(usage.ru_maxrss * 1024, tree.rss),
        said=said,
    )


class _Tree:
    """Looks at a process and its descendants until closed. Some, such as a JVM, are never waited for by their parent:
    only looking finds their CPU time."""

    def __init__(self, pid: int) -> None:
        self.rss = 0
        self._root = pid
        self._cpu: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="process tree")
        self._thread.start()

    def cpu(self) -> float:
        return sum(self._cpu.values())

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            with suppress(psutil.Error):
                self._look(psutil.Process(self._root))

    def _look(self, root: psutil.Process) -> None:
        rss = 0
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.Error):
                rss += process.memory_info().rss
                times = process.cpu_times()
                self._cpu[process.pid] = times.user + times.system
        self.rss = max(self.rss, rss)
