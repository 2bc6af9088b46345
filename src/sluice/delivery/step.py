"""What the steps of a run record for its report: their seconds and their warnings."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pydantic import BaseModel

from sluice.delivery.staging import Stage


class Step(BaseModel):
    """The record of one step, staged when the step succeeds. A step that runs again replaces it."""

    started_at: str = ""
    """In UTC."""
    seconds: float = 0.0
    warnings: list[str] = []

    def warn(self, what: str) -> None:
        """Log a warning, and show it in the report of the delivery."""
        logging.getLogger(__name__).warning(what)
        self.warnings.append(what)

    def warn_all(self, what: Iterable[str]) -> None:
        """`warn` for each."""
        for one in what:
            self.warn(one)


@contextmanager
def noting(stage: Stage, name: str) -> Iterator[Step]:
    """Run the step `name` in the block, and stage its record at the end."""
    began, step = time.monotonic(), Step(started_at=datetime.now(UTC).isoformat(timespec="seconds"))
    yield step
    step.seconds = max(0.001, round(time.monotonic() - began, 3))  # 0 means that there is no record
    stage.write(f"steps/{name}", step)


def noted(stage: Stage, name: str) -> Step:
    """The record of the step; an empty one if there is none."""
    return stage.find(f"steps/{name}", Step) or Step()
