"""Runs a program: without a shell, without secrets in its environment, and never longer than its time limit."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO

from sluice.errors import FatalError
from sluice.model.declared import spell_duration

LINE, LINES = 4096, 10_000
"""The most bytes of a line, and the most lines, that are passed on."""
GRACE = 3.0
"""Seconds between the request to stop and the kill. Airflow kills the task after five."""
_POLL = 0.1
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def run_program(
    words: Sequence[str], folder: Path, limit: timedelta, say: Callable[[str], None], stop: threading.Event
) -> int:
    """Run a program in a folder, and return its exit code; negative if a signal ended it. `say` gets each line of what
    it prints.

    Its environment has a PATH, a language and the folder as its home, and nothing of this process. Raises `FatalError`
    if it cannot be started or is stopped: at its time limit, or because `stop` was set. Whatever it has started ends
    with it, if it has not left its process group."""
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder)}
    try:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as refused:
        raise FatalError(
            f"{words[0]} cannot be started: {refused.strerror}",
            next_step="check `program` in project.yaml: the path of an executable file on every worker",
        ) from None
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    reader = threading.Thread(target=_pass_on, args=(process.stdout, say), daemon=True)
    reader.start()
    try:
        return _wait(process, limit, stop)
    finally:
        _end(process, reader)


def _wait(process: subprocess.Popen[bytes], limit: timedelta, stop: threading.Event) -> int:
    deadline = time.monotonic() + limit.total_seconds()
    while (code := process.poll()) is None:
        if stop.is_set():
            raise FatalError("the command was stopped, because its task was", next_step="clear the task `follow_up`")
        if time.monotonic() > deadline:
            raise FatalError(
                f"the command was stopped at its time limit of {spell_duration(limit)}",
                next_step="raise `time_limit` of the command in project.yaml, then clear the task `follow_up`",
            )
        time.sleep(_POLL)
    return code


def _end(process: subprocess.Popen[bytes], reader: threading.Thread) -> None:
    """Nothing of the program outlives its task: neither itself, nor what holds its output open."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        _signal(process, signal.SIGKILL)
        process.wait()
    reader.join(1)
    if reader.is_alive():
        _signal(process, signal.SIGKILL)
        reader.join(1)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _pass_on(output: IO[bytes], say: Callable[[str], None]) -> None:
    """Each line, as text without control characters. What is too long or too much is read and left out."""
    lines, whole = 0, True
    with output:
        while piece := output.readline(LINE):
            lines += whole and lines <= LINES
            if whole and lines <= LINES:
                say(_CONTROL.sub(" ", piece.decode("utf-8", "replace").rstrip("\r\n")))
            elif whole and lines == LINES + 1:
                say(f"... more than {LINES:,} lines: the others are left out")
                lines += 1
            whole = piece.endswith(b"\n")
