"""Positions: how far a dataset was delivered, and which rows were added since. The interface for incremental
exports."""

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
    "start one run that delivers everything: `sluice run EXPORT --mode full`. The next runs continue from it. "
    "Declaring `mode: full` does not help"
)
"""The next step if the last delivery's position no longer applies to the current data."""


class Position(BaseModel):
    """Where a delivery stopped, in the terms of the method that detects new rows."""

    model_config = ConfigDict(frozen=True)

    by: str
    """How new rows are detected: `files`, `snapshots`, or `column <name>`. Positions of different kinds cannot be
    compared."""
    at: str = ""
    """The snapshot id, or the last value of the cursor column. Empty if there was no data yet."""
    units: Mapping[str, str] = {}
    """For `files`: the fingerprint of each delivered file."""
    table: str | None = None
    """The identity of the table that the position belongs to. A table with another identity is refused. None if the
    source has no such identity, or if an older version of Sluice wrote the position."""

    @property
    def label(self) -> str:
        """The position in a form that is short enough for a manifest."""
        return self.at or (digest(self.units.items()) if self.units else "nothing")


class Growing(Protocol):
    """An opened source that detects by itself which rows were added. `SourceConfig.added_by` says how."""

    def position(self, pinned: Pinned) -> Position:
        """The position after a delivery of everything that is pinned."""
        ...

    def added(self, pinned: Pinned, since: Position) -> Pinned:
        """The pinned rows that were added since the position. The schema stays that of the whole dataset."""
        ...

    def between(self, pinned: Pinned, window: Window) -> Pinned:
        """The rows that were added within the window and still exist. Repeatable, unless the data is rewritten."""
        ...


@runtime_checkable
class Skipping(Protocol):
    """An opened source that copies its rows, and can skip rows that were delivered before or must not be yet."""

    def above(self, column: str, at: str) -> Source:
        """The same source without the rows at or below a position's `at`. Only a hint: some of these rows may remain.
        Rows without a value always remain."""
        ...

    def settled(self, column: str) -> Source:
        """The same source without the rows that a row with a lower value could still follow, as far as the source can
        tell."""
        ...

    def doubts(self, column: str) -> list[str]:
        """Reasons why a row with a lower value could still follow, each with what to do. Queries the database."""
        ...


def same_table(table: str | None, since: Position, *, dataset: str) -> None:
    """Raise `FatalError` if the position belongs to another table: versions and values of two tables cannot be
    compared. A position without an identity is accepted, because older versions of Sluice recorded none."""
    if None not in (table, since.table) and table != since.table:
        raise FatalError(
            f"dataset {dataset} is not the table that was delivered last: its identity was {since.table}, and is now "
            f"{table}. The table was recreated, its sequence was restarted, or its name now refers to another table",
            next_step=START_AGAIN,
        )


def digest(parts: Iterable[object]) -> str:
    """A digest of a list of values, in 16 characters."""
    return hashlib.sha256(repr(list(parts)).encode()).hexdigest()[:16]


def narrowed(pinned: Pinned, slices: Iterable[Slice]) -> Pinned:
    """Keep only these slices and their units. The version stays that of the whole dataset."""
    kept = tuple(slices)
    names = {piece.unit for piece in kept}
    units = {unit: fingerprint for unit, fingerprint in pinned.units.items() if unit in names}
    return pinned.model_copy(update={"units": units, "slices": kept})


class GrowsByFiles:
    """Implements `Growing` for files that are written once: new rows are those of new files.

    An overwritten file counts as new as a whole. A removed file adds nothing."""

    _opened: Opened

    def position(self, pinned: Pinned) -> Position:
        return Position(by="files", units=dict(pinned.units))

    def added(self, pinned: Pinned, since: Position) -> Pinned:
        return self._of({u for u, now in pinned.units.items() if not is_same(since.units.get(u, ""), now)}, pinned)

    def between(self, pinned: Pinned, window: Window) -> Pinned:
        """The files written within the window, by modification time."""
        return self._of({u for u in pinned.units if window.after_ns < self._written(u) <= window.until_ns}, pinned)

    def _of(self, units: set[str], pinned: Pinned) -> Pinned:
        return narrowed(pinned, (piece for piece in pinned.slices if piece.unit in units))

    def _written(self, unit: str) -> int:
        """The file's modification time, in nanoseconds of UNIX time."""
        file = self._opened.stat(unit)
        if file is None:
            raise FatalError(f"{unit} was removed while the run pinned it", next_step="clear the run from `extract` on")
        return file.modified if self._opened.local else file.modified * 1_000_000_000
