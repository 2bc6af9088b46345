"""Something that may never end, such as a question to a server: in its own thread, with a deadline, and in a hurry."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from sluice.errors import RetriableError, SluiceError
from sluice.foreign import said
from sluice.patience import brief

Result = TypeVar("Result")


class Attempt(Generic[Result]):
    """Starts the thread. It cannot be stopped, and nobody waits for it after the deadline."""

    def __init__(self, name: str, act: Callable[[], Result]) -> None:
        self.name, self._act = name, act
        self._outcome: list[Result | SluiceError] = []
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._try, name=f"attempt of {name}", daemon=True)
        self._thread.start()

    def _try(self) -> None:
        try:
            with brief():
                self._outcome.append(self._act())
        except SluiceError as error:
            self._outcome.append(error)
        except BaseException as error:  # engines may panic outside `Exception`; one attempt must not hide the others
            self._outcome.append(RetriableError(f"{self.name}: unexpected error: {said(error)}"))

    @property
    def ended(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    def outcome(self, until: float) -> Result | SluiceError:
        """The result, or an error if there is none at the monotonic time `until`."""
        self._thread.join(max(0.0, until - time.monotonic()))
        silent = f"{self.name}: no answer within {until - self._began:.0f} seconds"
        return (
            self._outcome[0] if self._outcome else RetriableError(silent, next_step="check whether its server answers")
        )
