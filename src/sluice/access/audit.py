"""The audit log: who did what, when, and with which outcome. Append-only, in staging: `audit/<number>/entry.json`.

Entries 1, 2, ... have no gaps and are never removed. So the last one is found by doubling and halving, without listing
the folder, and pages are read from there backwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from sluice.access.actor import Actor
from sluice.access.may import Subject
from sluice.definition.models.project import Staging
from sluice.delivery.commit.log import Log
from sluice.errors import SluiceError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections

_PAGE = 50
"""Entries that are read in parallel."""
Outcome = Literal["done", "failed", "refused"]


class Text(BaseModel):
    """A file's text before and after; None if it does not exist. Declarations never contain secrets."""

    model_config = ConfigDict(frozen=True)

    file: str
    before: str | None = None
    after: str | None = None


class Entry(BaseModel):
    """One action of one actor. The file's format: later versions only add keys with defaults."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    """In UTC."""
    actor: str
    administrator: bool
    roles: tuple[str, ...] = ()
    verb: str
    subjects: tuple[str, ...]
    """What it acted on, as `export orders`."""
    outcome: Outcome
    why: str = ""
    """The error of an action that was refused or failed."""
    texts: tuple[Text, ...] = ()
    """What it changed."""

    def concerns(self, subject: str) -> bool:
        """Whether the action involved this subject. `orders` stands for `export orders`."""
        return subject in self.subjects or f"export {subject}" in self.subjects


class Recorder(Protocol):
    """Where actions are recorded."""

    def ready(self) -> None:
        """Raise an error if nothing can be recorded now: then the action must not happen."""
        ...

    def append(self, entry: Entry) -> None:
        """Record an action."""
        ...


def entry(
    actor: Actor,
    verb: str,
    subjects: Sequence[Subject],
    outcome: Outcome,
    *,
    why: SluiceError | None = None,
    texts: Sequence[Text] = (),
) -> Entry:
    """The entry of an action that has just ended."""
    return Entry(
        at=datetime.now(UTC),
        actor=actor.name,
        administrator=actor.administrator,
        roles=tuple(sorted(actor.roles)),
        verb=verb,
        subjects=tuple(dict.fromkeys(map(str, subjects))),
        outcome=outcome,
        why=why.page() if why else "",
        texts=tuple(texts),
    )


class Audit:
    """The audit log of one project. Any number of processes can append at the same time."""

    def __init__(self, staging: Staging, connections: Connections) -> None:
        self._staging, self._connections = staging, connections
        self._opened: Log | None = None
        self._last = 0

    def ready(self) -> None:
        """Raise an error if staging cannot be reached."""
        self.last()

    def append(self, entry: Entry) -> None:
        """Add an entry after the last one."""
        body = entry.model_dump_json(exclude_defaults=True).encode() + b"\n"
        while True:
            number = self.last() + 1
            # Nothing is ever removed, so an entry needs no older one as its anchor.
            if self._log.append(number, body, anchor=number):
                self._last = number
                return

    def last(self) -> int:
        """The number of the last entry; 0 if there is none."""
        low, step = self._last, 1
        while self._has(low + step):
            low, step = low + step, step * 2
        high = low + step  # does not exist
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._has(middle) else (low, middle)
        self._last = low
        return low

    def newest(self, subject: str = "", *, before: int | None = None) -> Iterator[tuple[int, Entry]]:
        """Entries with their numbers, newest first: those about one subject, if given, and older than number `before`.
        Reads as many pages as are consumed."""
        top = (before or self.last() + 1) - 1
        with ThreadPoolExecutor(8) as pool:
            while top > 0:
                numbers = range(top, max(top - _PAGE, 0), -1)
                for number, body in zip(numbers, pool.map(self._log.read, numbers), strict=True):
                    found = Entry.model_validate_json(body) if body else None
                    if found and (not subject or found.concerns(subject)):
                        yield number, found
                top -= len(numbers)

    def number_at(self, moment: datetime) -> int:
        """The number of the first entry from this moment on; one more than the last one if there is none. Processes
        that record at the same time may be out of order by some entries."""
        low, high = 1, self.last() + 1
        while low < high:
            middle = (low + high) // 2
            body = self._log.read(middle)
            if body and Entry.model_validate_json(body).at < moment:
                low = middle + 1
            else:
                high = middle
        return low

    @property
    def _log(self) -> Log:
        if self._opened is None:
            folder = f"{self._staging.path}/audit".lstrip("/")
            self._opened = Log(open_filesystem(self._connections, self._staging.airflow_conn_id, folder))
        return self._opened

    def _has(self, number: int) -> bool:
        return self._log.read(number) is not None
