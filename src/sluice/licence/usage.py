"""What was delivered in a contract year, and what the licence grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from sluice.definition.models.licence import Licence
from sluice.licence.forecast import TREND, forecast
from sluice.licence.year import ContractYear, year_named, year_of
from sluice.runs.index import Index
from sluice.runs.volume import By, Volume

KIND = "dataset-export"
"""The kind of export that a licence limits. The deliveries of other kinds are counted apart from it."""
Detail = Literal["connection", "export", "month"]


@dataclass(frozen=True)
class Line:
    """What was delivered by exports of one kind, for one application, and, say, to one connection."""

    kind: str
    application: str
    """Empty for deliveries whose export names none."""
    of: str
    """The connection, the export or the month."""
    volume: Volume

    @property
    def counts(self) -> bool:
        """Whether it counts towards the licence."""
        return self.kind == KIND


@dataclass(frozen=True)
class Usage:
    """One contract year."""

    year: ContractYear
    entitlement: int | None
    """What may be delivered, in bytes; None without a licence."""
    used: int
    """What dataset exports have delivered, in bytes."""
    forecast: int | None
    """What they will have delivered at the end; None if that cannot be said."""
    lines: Sequence[Line]

    @property
    def share(self) -> float | None:
        """The part of the entitlement that is used."""
        return self.used / self.entitlement if self.entitlement else None


def used_in(index: Index, year: ContractYear) -> int:
    """The bytes that dataset exports have delivered in a contract year."""
    found = index.volume(year.start, year.end, ("kind",)).get((KIND,))
    return found.bytes if found else 0


def read_usage(
    index: Index, licence: Licence | None, now: datetime, *, named: int | None = None, by: Detail = "connection"
) -> Usage:
    """The contract year of `now`, or the one that starts in the calendar year `named`. Does not refresh the index."""
    year = year_of(now, licence) if named is None else year_named(named, licence)
    columns: tuple[By, ...] = ("kind", "application", by)
    found = index.volume(year.start, year.end, columns).items()
    lines = [Line(kind, application, of, volume) for (kind, application, of), volume in found]
    used = sum(line.volume.bytes for line in lines if line.counts)
    today = now.astimezone(UTC).date()
    return Usage(
        year=year,
        entitlement=licence.entitlement if licence else None,
        used=used,
        forecast=forecast(year, today, used, _daily(index, today), index.first_day(KIND)),
        lines=sorted(lines, key=lambda line: (not line.counts, line.kind, line.application, line.of)),
    )


def _daily(index: Index, today: date) -> dict[date, int]:
    """The bytes that dataset exports delivered on each of the last days."""
    found = index.volume(today - timedelta(days=TREND), today + timedelta(days=1), ("kind", "day"))
    return {date.fromisoformat(day): volume.bytes for (kind, day), volume in found.items() if kind == KIND}
