"""How long a store is asked again that throttles, is down or cannot be reached: one declaration for all of them."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import TypeVar

PATIENCE = timedelta(seconds=30)
"""Of a task, about: a store that throttles for half a minute does not cost it a try."""
BRIEF = timedelta(seconds=5)
"""Of a command or a page that somebody is looking at."""

Result = TypeVar("Result")

log = logging.getLogger(__name__)
_FIRST, _LONGEST = 0.2, 5.0
"""The first and the longest wait, in seconds; each wait is twice the one before."""
_brief: ContextVar[bool] = ContextVar("brief", default=False)


@contextmanager
def brief() -> Iterator[None]:
    """Connections that are opened in this block are in a hurry: somebody waits for the answer."""
    token = _brief.set(True)
    try:
        yield
    finally:
        _brief.reset(token)


def patience() -> timedelta:
    """How long a connection that is opened now repeats a request that fails."""
    return BRIEF if _brief.get() else PATIENCE


def patiently(attempt: Callable[[], Result], again: Callable[[Exception], bool], lasting: timedelta) -> Result:
    """The result of the first attempt that succeeds. Raises the last failure when `lasting` has passed since the first
    attempt began, or at once if the same request must not be sent `again`."""
    until, wait = time.monotonic() + lasting.total_seconds(), _FIRST
    while True:
        try:
            return attempt()
        except Exception as error:
            left = until - time.monotonic()
            if left <= 0 or not again(error):
                raise
            log.info("the request is sent again: %s", type(error).__name__)
        time.sleep(min(wait * random.uniform(0.5, 1.5), left))  # noqa: S311 (jitter, not a secret)
        wait = min(wait * 2, _LONGEST)
