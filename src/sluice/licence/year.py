"""Contract years, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sluice.definition.models.licence import Licence


@dataclass(frozen=True)
class ContractYear:
    """One contract year. Its name is the calendar year in which it starts."""

    start: date
    end: date
    """The day after its last one."""

    @property
    def name(self) -> int:
        return self.start.year

    @property
    def last(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)

    def rest(self, today: date) -> int:
        """The number of its days after `today`."""
        first = max(today + timedelta(days=1), self.start)
        return max(0, (self.end - first).days)


def year_of(moment: datetime, licence: Licence | None) -> ContractYear:
    """The contract year of a moment. Without a licence, it is the calendar year."""
    day = moment.astimezone(UTC).date()
    own = year_named(day.year, licence)
    return own if own.start <= day else year_named(day.year - 1, licence)


def year_named(name: int, licence: Licence | None) -> ContractYear:
    """The contract year that starts in a calendar year."""
    month, day = map(int, (licence.year_starts if licence else "01-01").split("-"))
    return ContractYear(date(name, month, day), date(name + 1, month, day))
