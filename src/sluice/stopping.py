"""What a task that is stopped leaves running elsewhere, and how that is told to stop.

Airflow asks a task to stop by a call of `on_kill` in its process, lets it go on, and kills it five seconds later: no
`finally` runs then. A process runs one task.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    """Tell whatever runs elsewhere to stop. Returns at once, because it is called in a signal handler: what it
    interrupts may hold the locks that telling needs."""
    for tell in reversed(_told):
        threading.Thread(target=tell, name="stop", daemon=True).start()
