"""Receipts: a record of sent parts outside the process, so that a retry sends only missing parts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from sluice.delivery.upload.progress import Progress
from sluice.model.part import Part

INTERVAL = 1.0
"""Seconds within which a part that has arrived is in the receipts."""


class Receipts(Protocol):
    """A store that outlives the process. `extract` identifies the rows of the parts, and their declaration."""

    def sent(self, extract: str) -> list[Part]:
        """The parts recorded for this extract."""
        ...

    def record(self, extract: str, parts: Sequence[Part]) -> None:
        """Record that these parts have arrived."""
        ...


class NoReceipts:
    """For runs outside Airflow, in which a retry starts over."""

    def sent(self, extract: str) -> list[Part]:  # noqa: ARG002 - the protocol's parameter
        return []

    def record(self, extract: str, parts: Sequence[Part]) -> None:
        """Do nothing."""


class Arrivals:
    """One shard's parts as they arrive: immediately in the progress, within a second in the receipts."""

    def __init__(self, receipts: Receipts, extract: str, progress: Progress) -> None:
        self.parts: dict[tuple[int, int], Part] = {}
        self._receipts = receipts
        self._extract = extract
        self._progress = progress
        self._waiting: list[Part] = []
        self._written = time.monotonic()

    def open(self, part: Part) -> None:
        """Add a part that an earlier attempt has sent."""
        self.parts[part.key] = part
        self._progress.resume(part)

    def arrived(self, part: Part) -> None:
        self.parts[part.key] = part
        self._progress.add(part)
        self._waiting.append(part)

    def tick(self) -> None:
        if self._waiting and time.monotonic() - self._written >= INTERVAL:
            self.close()
        self._progress.tick()

    def forget(self) -> None:
        """Leave out the receipts that are not written yet: the shard's result has been staged."""
        self._waiting = []

    def close(self) -> None:
        """Write the receipts that are not written yet."""
        if self._waiting:
            self._receipts.record(self._extract, self._waiting)
            self._waiting, self._written = [], time.monotonic()
