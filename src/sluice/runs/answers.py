"""What the index of runs is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sluice.runs.record import Record


@dataclass(frozen=True)
class Wanted:
    """Which exports to list, and in which order. Empty: all."""

    outcomes: Sequence[str] = ()
    connections: Sequence[str] = ()
    kinds: Sequence[str] = ()
    text: str = ""
    """A part of the export's name, in any case."""
    sort: str = "export"
    """A field of `Record`."""
    descending: bool = False
    limit: int | None = None
    offset: int = 0


EVERY_EXPORT = Wanted()


class Page(NamedTuple):
    """The records of one page, and the number of records on all pages."""

    records: list[Record]
    total: int


class Usage(NamedTuple):
    """The sums of a month. All but `runs` count published deliveries only."""

    month: str
    """In UTC, such as 2026-11."""
    name: str
    """The export, or the connection; empty for runs that ended before they had one."""
    runs: int
    deliveries: int
    files: int
    records: int
    bytes: int


class Delivered(NamedTuple):
    """The sums of the deliveries since a moment."""

    deliveries: int
    bytes: int


class Mark(NamedTuple):
    """A moment of a cache."""

    cache: int
    """Another one was built again."""
    row: int


class Changed(NamedTuple):
    """What has changed since a mark: the last run and the last delivery of each export with new records."""

    mark: Mark
    whole: bool
    """Whether these are all exports."""
    last: list[Record]
    delivered: list[Record]
