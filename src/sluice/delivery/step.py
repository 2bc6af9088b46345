"""What a run's earlier steps have noted for its report: how long each took, and what it warned of."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pydantic import BaseModel

from sluice.delivery.staging import Stage


class Step(BaseModel):
    """One step's note, staged when the step succeeds; a step that runs again replaces it."""

    seconds: float = 0.0
    warnings: list[str] = []

    def warn(self, what: str) -> None:
        """Say it in the log at once, and in the report of the delivery."""
        logging.getLogger(__name__).warning(what)
        self.warnings.append(what)

    def warn_all(self, what: Iterable[str]) -> None:
        """Warn of each."""
        for one in what:
            self.warn(one)


@contextmanager
def noting(stage: Stage, name: str) -> Iterator[Step]:
    """The step `name` runs in this block."""
    began, step = time.monotonic(), Step()
    yield step
    step.seconds = max(0.001, round(time.monotonic() - began, 3))  # 0 says that a step has noted nothing
    stage.write(f"steps/{name}", step)


def noted(stage: Stage, name: str) -> Step:
    """What the step has noted; nothing where it has not."""
    return stage.find(f"steps/{name}", Step) or Step()
