"""The progress of a running shard."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sluice.model.part import Part

INTERVAL = 5.0
"""Seconds between two reports."""


@dataclass
class Progress:
    """Counts of one shard. `report` gets them every few seconds, and once at the end."""

    feed: str
    chunks: int
    records: int
    report: Callable[[dict[str, object]], None]
    done: int = 0
    sent: int = 0
    bytes: int = 0
    _resumed: int = 0
    _resumed_bytes: int = 0
    """Sent by earlier attempts, so excluded from this attempt's rates."""
    _began: float = field(default_factory=time.monotonic)
    _reported: float = field(default_factory=time.monotonic)

    def resume(self, part: Part) -> None:
        """Count a part that an earlier attempt has sent."""
        self.add(part)
        self._resumed += part.records
        self._resumed_bytes += part.bytes

    def add(self, part: Part) -> None:
        self.done += part.piece == 0
        self.sent += part.records
        self.bytes += part.bytes

    def tick(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._reported >= INTERVAL:
            self._reported = now
            self.report(self.snapshot(now))

    def snapshot(self, now: float) -> dict[str, object]:
        """Chunks, records, bytes, and this attempt's rates and remaining seconds, as a JSON value."""
        seconds = max(now - self._began, 0.001)
        rate = (self.sent - self._resumed) / seconds
        left = round((self.records - self.sent) / rate, 1) if rate else None
        return {
            "feed": self.feed,
            "chunks": self.chunks,
            "chunks_sent": self.done,
            "records": self.records,
            "records_sent": self.sent,
            "bytes_sent": self.bytes,
            "seconds": round(seconds, 1),
            "records_per_second": round(rate),
            "bytes_per_second": round((self.bytes - self._resumed_bytes) / seconds),
            "seconds_left": left,
        }
