"""Values that are made again when they are old, while requests get the former ones."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
OLD = 15.0
"""A value of this age in seconds answers nobody: after a pause, the first request waits for a new one."""
log = logging.getLogger(__name__)


class Fresh(Generic[T]):
    """A value that is made again when it is older than some seconds.

    If it is younger than `OLD`, it still answers, and another thread makes the next one: no request waits. The first
    request, and the first one after `forget`, wait; threads that ask at the same time share the value."""

    def __init__(self, seconds: float, make: Callable[[], T]) -> None:
        self._seconds, self._make = seconds, make
        self._making, self._state = threading.Lock(), threading.Lock()
        self._made: tuple[float, T] | None = None
        self._version = 0
        self._renewing = False

    def get(self) -> T:
        with self._state:
            found = self._made
            age = time.monotonic() - found[0] if found else OLD
            renew = found is not None and self._seconds < age < OLD and not self._renewing
            self._renewing |= renew
        if found is not None and age < OLD:
            if renew:
                threading.Thread(target=self._renew, daemon=True).start()
            return found[1]
        return self._wait()

    def forget(self) -> None:
        """The value has changed: the next request waits for another one."""
        with self._state:
            self._made = None
            self._version += 1

    def _wait(self) -> T:
        with self._making:
            found = self._made
            if found is not None and time.monotonic() - found[0] < OLD:
                return found[1]
            return self._remake()

    def _renew(self) -> None:
        try:
            with self._making:
                self._remake()
        except Exception:
            log.warning("the page shows an older state, because the current one could not be read", exc_info=True)
        finally:
            self._renewing = False

    def _remake(self) -> T:
        began, version = time.monotonic(), self._version
        made = self._make()
        with self._state:
            if self._version == version:  # nothing was changed while it was made
                self._made = (began, made)
        return made
