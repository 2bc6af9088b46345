"""Watch whether a shard may still be sent: until the process gets a signal to stop, or the run is aborted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from sluice.delivery.commit.commit import Commit
from sluice.delivery.upload.encode import Stopped
from sluice.errors import SluiceError

INTERVAL = 2.0
"""Seconds between two checks of the run's log: a process that Airflow has lost gets no signal."""


@dataclass
class Watch:
    """Marks the process as a sender during the block; `as` gives the opening of the run that the parts belong to. Once
    `stop` is set, workers and uploads stop between two pieces of a part."""

    commit: Commit
    stop: threading.Event
    holds: Callable[[], bool] = lambda: True
    """Whether the names of the run's files are still its own."""
    _opened: int = 0
    _checked: float = field(default_factory=time.monotonic)

    def __enter__(self) -> int:
        self._opened = self.commit.begin_sending()
        return self._opened

    def __exit__(self, *_: object) -> None:
        with suppress(SluiceError):  # a mark that stays costs another cleaning, not a retry
            self.commit.end_sending()

    def tick(self) -> None:
        """Raises `Stopped` if nothing more may be sent."""
        if time.monotonic() - self._checked >= INTERVAL:
            self._checked = time.monotonic()
            if not (self.commit.may_send(self._opened) and self.holds()):
                self.stop.set()
        if self.stop.is_set():
            raise Stopped
