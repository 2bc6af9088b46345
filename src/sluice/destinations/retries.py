"""Retries of requests: ten at most, with exponential backoff. The declared time limit starts with the first failure."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from sluice.destinations.failures import Failure

Result = TypeVar("Result")

log = logging.getLogger(__name__)
_MOST = 10
_FIRST, _LONGEST = 0.2, 15.0
"""The first and the longest wait, in seconds; each wait is twice the one before."""


class Tally:
    """Counts what the threads of this process do."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        """One more."""
        with self._lock:
            self.count += 1


REPEATED = Tally()
"""Requests and chunks that this process has sent again after a failure."""


@dataclass
class Retries:
    """The attempts of one request; `failure` classifies an exception of the client."""

    retry_for: timedelta
    failure: Callable[[Exception], Failure]

    def __post_init__(self) -> None:
        self._until: float | None = None
        self._count = 0

    def run(self, attempt: Callable[[], Result]) -> Result:
        """The result of the first attempt that succeeds. Raises the failure of the last attempt."""
        while True:
            try:
                return attempt()
            except Exception as error:
                self.failed(error)

    def failed(self, error: Exception) -> None:
        """Wait before the next attempt. Raises the failure if there is none left."""
        failure = self.failure(error)
        if self._until is None:
            self._until = time.monotonic() + self.retry_for.total_seconds()
        wait = min(_FIRST * 2**self._count, _LONGEST) * random.uniform(0.5, 1.5)  # noqa: S311 (jitter, not a secret)
        wait = max(wait, failure.wait)
        if not failure.passing or self._count == _MOST or time.monotonic() + wait > self._until:
            raise failure.error from None
        self._count += 1
        REPEATED.add()
        log.info("the request is sent again in %.1f s: %s", wait, failure.error.what)
        time.sleep(wait)
