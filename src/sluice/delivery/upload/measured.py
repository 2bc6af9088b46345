"""What the upload of a shard measures, for monitoring."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from sluice.destinations.retries import REPEATED


@dataclass
class Measured:
    """Filled while chunks are sent, by any number of threads."""

    seconds: deque[float] = field(default_factory=deque)
    """Of each part, from its first byte to the destination's confirmation."""
    _before: int = field(default_factory=lambda: REPEATED.count)

    @property
    def retries(self) -> int:
        """Requests and chunks that this process has sent again since."""
        return REPEATED.count - self._before
