"""How far a dataset has been delivered, and what was added to it since: the seam for incremental exports."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from sluice.errors import FatalError
from sluice.model.run import Window
from sluice.sources.base import Pinned, Slice, Source
from sluice.sources.fingerprint import is_same

if TYPE_CHECKING:
    from sluice.filesystem import Opened


START_AGAIN = (
    "start a run with the mode full, which delivers everything, and from which the next runs go on: "
    "`sluice run EXPORT --mode full`. To declare `mode: full` does not help"
)
"""The next step if the last delivery's position says nothing any more about the data that is there now."""


class Position(BaseModel):
    """Where a delivery has stopped, in the terms of whoever says what is new."""

    model_config = ConfigDict(frozen=True)

    by: str
    """Who says what is new: `files`, `snapshots`, or `column <name>`. Positions of different kinds do not compare."""
    at: str = ""
    """A snapshot's id, or the cursor's last value; empty where there was nothing yet."""
    units: Mapping[str, str] = {}
    """By files: each file that was there, with its fingerprint."""
    table: str | None = None
    """The identity of the table that the position belongs to; another identity is refused. None if its source knows
    none, or if an older version of Sluice kept the position."""

    @property
    def label(self) -> str:
        """Short enough for a manifest."""
        return self.at or (digest(self.units.items()) if self.units else "nothing")


class Growing(Protocol):
    """An opened source that knows by itself what was added to its dataset; `SourceConfig.added_by` names how."""

    def position(self, pinned: Pinned) -> Position:
        """Where a delivery of everything that is pinned stops."""
        ...

    def added(self, pinned: Pinned, since: Position) -> Pinned:
        """What was added to the dataset since, of what is pinned; the schema stays the whole dataset's."""
        ...

    def between(self, pinned: Pinned, window: Window) -> Pinned:
        """What was added within the window and is still there. The same each time, unless the data is rewritten."""
        ...


@runtime_checkable
class Skipping(Protocol):
    """An opened source that copies its rows, and need not copy those that were delivered, or may not be yet."""

    def above(self, column: str, at: str) -> Source:
        """The same source without rows whose column is surely at or below a position's `at`. It may keep such rows,
        and keeps those without a value."""
        ...

    def settled(self, column: str) -> Source:
        """The same source without rows that one with a lower value could still follow, as far as it can tell."""
        ...

    def doubts(self, column: str) -> list[str]:
        """Why a lower value could follow all the same, each with what to do. Asks the database."""
        ...


def same_table(table: str | None, since: Position, *, dataset: str) -> None:
    """Raises `FatalError` if the position belongs to another table than `table`: versions and values of two tables do
    not compare. A position without an identity is accepted, since older versions of Sluice kept none."""
    if None not in (table, since.table) and table != since.table:
        raise FatalError(
            f"dataset {dataset} is another table than the one that was delivered last: its identity was {since.table}, "
            f"and is {table} now. It was dropped and made again, its numbers began anew, or its name leads elsewhere",
            next_step=START_AGAIN,
        )


def digest(parts: Iterable[object]) -> str:
    """Names a list of values in 16 characters."""
    return hashlib.sha256(repr(list(parts)).encode()).hexdigest()[:16]


def narrowed(pinned: Pinned, slices: Iterable[Slice]) -> Pinned:
    """Only these slices of what is pinned, and the units they lie in. The version stays: it is the whole dataset's."""
    kept = tuple(slices)
    names = {piece.unit for piece in kept}
    units = {unit: fingerprint for unit, fingerprint in pinned.units.items() if unit in names}
    return pinned.model_copy(update={"units": units, "slices": kept})


class GrowsByFiles:
    """Datasets of files that are written once: what is new is the files that were not there, or were other files.

    A file that was written again is new as a whole. A file that is gone adds nothing."""

    _opened: Opened

    def position(self, pinned: Pinned) -> Position:
        return Position(by="files", units=dict(pinned.units))

    def added(self, pinned: Pinned, since: Position) -> Pinned:
        return self._of({u for u, now in pinned.units.items() if not is_same(since.units.get(u, ""), now)}, pinned)

    def between(self, pinned: Pinned, window: Window) -> Pinned:
        """By the time that each file was written."""
        return self._of({u for u in pinned.units if window.after_ns < self._written(u) <= window.until_ns}, pinned)

    def _of(self, units: set[str], pinned: Pinned) -> Pinned:
        return narrowed(pinned, (piece for piece in pinned.slices if piece.unit in units))

    def _written(self, unit: str) -> int:
        """When a file was written, in nanoseconds of UNIX time."""
        file = self._opened.stat(unit)
        if file is None:
            raise FatalError(f"{unit} was removed while it was looked at", next_step="clear the run from `extract` on")
        return file.modified if self._opened.local else file.modified * 1_000_000_000
