"""What was delivered in a contract year, and what the licence grants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.definition.models.moments import FIRST_YEAR, LAST_YEAR
from sluice.licence.usage import Line, Usage, read_usage
from sluice.licence.year import ContractYear
from sluice.page.asking import Allowed, WorldDep

router = APIRouter(tags=["usage"])


class UsageLine(BaseModel):
    """What exports of one kind have delivered to one connection, for one application."""

    kind: str
    application: str = ""
    """Empty if the exports name none."""
    connection: str
    deliveries: int
    files: int
    records: int
    bytes: int


class UsageMonth(BaseModel):
    """What dataset exports have delivered in a calendar month of the contract year."""

    month: str
    """In UTC, such as 2026-11."""
    bytes: int
    total: int
    """The bytes since the contract year started."""


class UsageView(BaseModel):
    """A contract year."""

    year: int
    """The calendar year in which it starts."""
    starts: date
    ends: date
    """Its last day, in UTC."""
    entitlement: int | None = None
    """What dataset exports may deliver, in bytes; None without a licence."""
    warns_from: int | None = None
    """The bytes from which every delivery warns."""
    over: str = ""
    """What a run does that would exceed it: `warn`, `hold` or `refuse`."""
    used: int
    share: float | None = None
    """The part of the entitlement that is used."""
    forecast: int | None = None
    """What will have been delivered at the end; None if that cannot be said."""
    months: list[UsageMonth]
    """From its first month to its last one, or to now."""
    lines: list[UsageLine]
    """The dataset exports."""
    others: list[UsageLine]
    """Exports of other kinds, which do not count."""


@router.get("/usage")
def usage(
    actor: Annotated[Actor, Depends(Allowed("view-usage"))],  # noqa: ARG001
    world: WorldDep,
    year: Annotated[int | None, Query(ge=FIRST_YEAR, le=LAST_YEAR)] = None,
) -> UsageView:
    """A contract year: by default, the current one."""
    licence, now = world.settings.licence, datetime.now(UTC)
    world.index.refresh()
    shown = read_usage(world.index, licence, now, named=year)
    monthly = read_usage(world.index, licence, now, named=year, by="month")
    return UsageView(
        year=shown.year.name,
        starts=shown.year.start,
        ends=shown.year.last,
        entitlement=shown.entitlement,
        warns_from=licence.warns_from if licence else None,
        over=licence.over if licence else "",
        used=shown.used,
        share=shown.share,
        forecast=shown.forecast,
        months=_months(monthly, now.date()),
        lines=[_line(line) for line in shown.lines if line.counts],
        others=[_line(line) for line in shown.lines if not line.counts],
    )


def _months(usage: Usage, today: date) -> list[UsageMonth]:
    found: dict[str, int] = {}
    for line in usage.lines:
        if line.counts:
            found[line.of] = found.get(line.of, 0) + line.volume.bytes
    names = _names(usage.year, min(usage.year.last, today))
    values = [found.get(name, 0) for name in names]
    rows = zip(names, values, accumulate(values), strict=True)
    return [UsageMonth(month=name, bytes=value, total=total) for name, value, total in rows]


def _names(year: ContractYear, last: date) -> list[str]:
    """The months from the first day of a year to a day of it."""
    day, names = year.start.replace(day=1), []
    while day <= last:
        names.append(f"{day:%Y-%m}")
        day = (day + timedelta(days=31)).replace(day=1)
    return names


def _line(line: Line) -> UsageLine:
    return UsageLine(kind=line.kind, application=line.application, connection=line.of, **line.volume._asdict())
