"""A run's turn to publish: what `publish` does about other deliveries of its export, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sluice.delivery.since.succession import Succession
from sluice.delivery.since.watermark import Basis, Watermark, Watermarks
from sluice.delivery.staging import Stage
from sluice.destinations.base import Destination
from sluice.model.access import Connections
from sluice.plan.model import Plan
from sluice.sources.position import Position


class Turn:
    """Announce, confirm, stand, end: around the manifest's write. Nothing happens for runs that follow no other,
    nor for one that has published before and is not the last: its delivery is written again, and stays where it was."""

    def __init__(
        self, plan: Plan, stage: Stage, connections: Connections, watermarks: Watermarks, destination: Destination
    ) -> None:
        self.previous: str | None = None
        self._destination = destination
        self._succession: Succession | None = None
        self._watermark: Watermark | None = None
        if plan.follows:
            self._basis = stage.read("basis", Basis)
            self.previous = self._basis.previous
            succession = Succession(plan, connections, watermarks)
            if not self._repeats(plan, succession):
                self._succession = succession

    def announce(self, delivered: Mapping[str, Position], now: datetime) -> None:
        """Raises `FatalError` where another delivery has taken this one's place."""
        if self._succession:
            self._succession.admit(self._basis, self._destination)
            self._watermark = self._succession.announce(self._basis, delivered, now)

    def confirm(self) -> None:
        """The same, as the last look before the manifest."""
        if self._succession:
            self._succession.confirm(self._basis, self._destination)

    def stand(self) -> None:
        """The first look after the manifest. Raises `FatalError` where it had to be taken back."""
        if self._succession:
            self._succession.stand(self._destination)

    def end(self) -> None:
        """The last act: the watermark moves."""
        if self._succession and self._watermark:
            self._succession.move(self._watermark)

    def _repeats(self, plan: Plan, succession: Succession) -> bool:
        current = succession.current()
        later = current is not None and current.run not in (self._basis.previous, str(plan.run.id))
        return later and self._destination.stat(plan.manifest) is not None
