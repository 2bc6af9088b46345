"""Whether a shard may still be sent: nobody has told the process to stop, and nobody has aborted the run."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from sluice.delivery.commit.commit import Commit
from sluice.delivery.upload.encode import Stopped
from sluice.errors import SluiceError

LOOK = 2.0
"""Seconds between two looks into the run's log: a process that Airflow has lost is told nothing."""


@dataclass
class Watch:
    """Holds the process's mark among those who send, while its block lasts; gives the opening of the run that the parts
    belong to. Once `stop` is set, workers and uploads end between two pieces of a part."""

    commit: Commit
    stop: threading.Event
    _opened: int = 0
    _looked: float = field(default_factory=time.monotonic)

    def __enter__(self) -> int:
        self._opened = self.commit.begin_sending()
        return self._opened

    def __exit__(self, *_: object) -> None:
        with suppress(SluiceError):  # a mark that stays costs a second look, and no try
            self.commit.end_sending()

    def tick(self) -> None:
        """Raises `Stopped` if nothing more may be sent."""
        if time.monotonic() - self._looked >= LOOK:
            self._looked = time.monotonic()
            if not self.commit.may_send(self._opened):
                self.stop.set()
        if self.stop.is_set():
            raise Stopped
