"""Runs a program that ends when this process's input does: `python guard.py SECONDS PROGRAM ARGUMENT...`.

The input is a pipe whose other end a task holds, and nobody else. It ends with the task, however the task ends: by an
exception, or by the SIGKILL that Airflow sends five seconds after it has asked a task to stop. Python runs this file
alone: it imports nothing of Sluice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

NOT_STARTED = 126
"""The exit code if there is no such program, or it cannot be executed: that of a shell."""


def main(grace: float, words: list[str]) -> None:
    """Ends as the program ends: with its exit code, or by its signal."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # meant for the group; a program inherits no handler
    try:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    except OSError:
        os._exit(NOT_STARTED)
    ended = threading.Event()
    threading.Thread(target=_watch, args=(grace, ended), daemon=True).start()
    code = process.wait()
    if ended.is_set():
        os.killpg(0, signal.SIGKILL)  # what the program has started and left behind
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code)


def _watch(grace: float, ended: threading.Event) -> None:
    """When the input ends, ask the whole group to stop, then kill it: this process is its leader, and part of it."""
    while os.read(0, 1):
        pass
    ended.set()
    os.killpg(0, signal.SIGTERM)
    time.sleep(grace)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
