"""Processes are stopped by their own ids, with all they have started, and nobody else is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from local.process import Process
from sluice.errors import FatalError

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    started: list[Process] = []

    def start(code: str) -> Process:
        argv = [sys.executable, "-c", code]
        process = Process.start(f"p{len(started)}", argv, run=tmp_path / "run", logs=tmp_path / "logs")
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop(patience=0)


def output(process: Process) -> str:
    deadline = time.monotonic() + 20
    while "\n" not in process.log.read_text():
        assert time.monotonic() < deadline, "the process has written nothing"
        time.sleep(0.02)
    return process.log.read_text().strip()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_it_ends_with_its_children(start: Callable[[str], Process]) -> None:
    process = start(FAMILY)
    child = int(output(process))
    assert process.alive()
    process.stop()
    assert not process.alive()
    assert gone(child)
    assert not process.record.exists()


def test_children_that_lost_their_parent_end_too(start: Callable[[str], Process]) -> None:
    process = start(FAMILY)
    child = int(output(process))
    os.kill(process.pid, signal.SIGKILL)
    os.waitpid(process.pid, 0)
    assert not process.alive()
    assert not gone(child)
    process.stop()
    assert gone(child)


def test_one_that_ignores_the_signal_is_killed(start: Callable[[str], Process]) -> None:
    process = start(STUBBORN)
    output(process)
    began = time.monotonic()
    process.stop(patience=0.5)
    assert not process.alive()
    assert 0.5 <= time.monotonic() - began < 5


def test_a_record_whose_id_is_somebody_elses_by_now_stops_nobody(start: Callable[[str], Process]) -> None:
    """A record that outlived its process: after a reboot, the id belongs to a stranger."""
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdout=subprocess.DEVNULL, start_new_session=True
    ) as stranger:
        process = start("pass")
        stale = replace(process, pid=stranger.pid, created=psutil.Process(stranger.pid).create_time() - 3600)
        assert not stale.alive()
        stale.stop(patience=1)
        assert stranger.poll() is None
        os.killpg(stranger.pid, signal.SIGKILL)


def test_another_command_finds_it_by_its_record(start: Callable[[str], Process]) -> None:
    process = start(STUBBORN)
    found = Process.recorded(process.record)
    assert found == process
    assert found.alive()


def test_one_that_died_says_why(start: Callable[[str], Process]) -> None:
    process = start("raise SystemExit('no such port')")
    os.waitpid(process.pid, 0)
    with pytest.raises(FatalError, match="p0 has died") as error:
        process.ensure_alive()
    assert "no such port" in error.value.page()
