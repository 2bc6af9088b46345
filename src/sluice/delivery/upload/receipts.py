"""What has been sent: kept outside the process as parts arrive, so that a retry sends only what is not there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from sluice.delivery.upload.progress import Progress
from sluice.model.part import Part


class Receipts(Protocol):
    """Survives the process. `extract` names the rows that the parts were made of, and how they were declared."""

    def sent(self, extract: str) -> list[Part]:
        """The parts recorded for this extract."""
        ...

    def record(self, extract: str, parts: Sequence[Part]) -> None:
        """Remember that these parts have arrived."""
        ...


class NoReceipts:
    """For runs outside Airflow, where a retry starts over."""

    def sent(self, extract: str) -> list[Part]:  # noqa: ARG002 - the protocol's words
        return []

    def record(self, extract: str, parts: Sequence[Part]) -> None:
        """Forget them."""


class Arrivals:
    """One shard's parts as they arrive: in the receipts within a second, in the progress at once."""

    def __init__(self, receipts: Receipts, extract: str, progress: Progress) -> None:
        self.parts: dict[tuple[int, int], Part] = {}
        self._receipts = receipts
        self._extract = extract
        self._progress = progress
        self._waiting: list[Part] = []
        self._written = time.monotonic()

    def open(self, part: Part) -> None:
        """A part that a former try has sent."""
        self.parts[part.key] = part
        self._progress.resume(part)

    def arrived(self, part: Part) -> None:
        self.parts[part.key] = part
        self._progress.add(part)
        self._waiting.append(part)

    def tick(self) -> None:
        if self._waiting and time.monotonic() - self._written >= 1:
            self.close()
        self._progress.tick()

    def close(self) -> None:
        """Write down what is not yet."""
        if self._waiting:
            self._receipts.record(self._extract, self._waiting)
            self._waiting, self._written = [], time.monotonic()
