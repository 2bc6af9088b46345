"""The order of an export's deliveries: one log for all of its runs, which outlives them.

Number n+1 is the place after delivery n. A run that has claimed it will be published, by its own process or by any
other that finds the claim; no other run can ever take that place.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from sluice.delivery.commit.log import Folder, Log
from sluice.delivery.commit.watermark import Watermark

KEPT = 100
"""Deliveries that the log keeps. A process that sleeps through as many finds its place removed, and is refused."""


class Claim(BaseModel):
    """The place of one delivery."""

    model_config = ConfigDict(frozen=True)

    number: int
    run: str
    """Its flow run id."""
    run_id: str
    """Its Airflow run id."""
    opened: int
    """The opening of the run: a run that is opened again may deliver other rows."""
    manifest: str
    """The manifest's name, relative to the connection's folder."""
    watermark: Watermark | None = None
    """How far the export has come with this delivery. A full delivery keeps the watermark that it found."""

    def is_of(self, other: Claim) -> bool:
        return (self.run, self.opened) == (other.run, other.opened)


class Deliveries:
    """The places of one export's deliveries. `finish` publishes the delivery of another run's claim, if it is not."""

    def __init__(self, folder: Folder, finish: Callable[[Claim], None]) -> None:
        self._log = Log(folder)
        self._finish = finish

    def last(self) -> Claim | None:
        """The last delivery; None before the first."""
        for number in reversed(self._log.numbers()):
            if (found := self._at(number)) is not None:
                return found
        return None

    def claim(self, claim: Claim) -> bool:
        """Take the place, once the delivery before it is published; False if another run has it."""
        if (there := self._at(claim.number)) is not None:
            return there.is_of(claim)
        before = self._at(claim.number - 1)
        if before is not None and before.run != claim.run:
            self._finish(before)
        anchor = claim.number - 1 or claim.number
        if self._log.append(claim.number, claim.model_dump_json().encode(), anchor=anchor):
            if claim.number > KEPT:
                self._log.remove([number for number in self._log.numbers() if number <= claim.number - KEPT])
            return True
        there = self._at(claim.number)
        return there is not None and there.is_of(claim)

    def adopt(self, watermark: Watermark) -> None:
        """Start the log with a watermark from outside the log. Earlier entries are removed, so that no run can take a
        place after one of them."""
        number = watermark.number or 1
        claim = Claim(
            number=number, run=watermark.run, run_id=watermark.run_id, opened=0, manifest="", watermark=watermark
        )
        self._log.append(number, claim.model_dump_json().encode(), anchor=number)
        self._log.remove([earlier for earlier in self._log.numbers() if earlier < number])

    def _at(self, number: int) -> Claim | None:
        body = self._log.read(number)
        return None if body is None else Claim.model_validate_json(body)
