"""Stops the queries that a task runs on other machines, when Airflow stops the task.

Airflow calls `on_kill` in the task's process, lets the task go on, and kills the process five seconds later. No
`finally` block runs then. A process runs one task.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)
_told: list[Callable[[], object]] = []


@contextmanager
def on_stop(tell: Callable[[], object]) -> Iterator[None]:
    """During the block, `stop` calls `tell`."""
    _told.append(tell)
    try:
        yield
    finally:
        _told.remove(tell)


def stop() -> None:
    """Call what `on_stop` was given, each in a thread of its own. A call that fails is logged by its type alone.

    Returns at once: it runs in a signal handler, and what that has interrupted may hold the locks that a call needs."""
    for tell in reversed(_told):
        threading.Thread(target=_told_to, args=(tell,), name="stop", daemon=True).start()


def _told_to(tell: Callable[[], object]) -> None:
    try:
        tell()
    except Exception as error:
        log.warning("the task is stopped, but its query may go on: %s", type(error).__name__)
    else:
        log.info("the task is stopped, and so is its query")
