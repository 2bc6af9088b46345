"""Time zones: names of the IANA database, which follow daylight saving time, and fixed offsets from UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, WithJsonSchema

ABBREVIATIONS: Mapping[str, float] = {
    "GMT": 0, "NST": -3.5, "NDT": -2.5, "AST": -4, "ADT": -3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
    "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10, "HDT": -9,
    "WEST": 1, "CEST": 2, "EEST": 3, "JST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip
"""Hours ahead of UTC. An abbreviation names one offset, in summer and in winter. Those of several zones mean North
America's: `CST` is not China's. `CET`, `MET`, `EET` and `WET` are names in the IANA database."""
_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)$")


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """The zone with a name, an abbreviation such as `EDT`, or an offset such as `-04:00`.

    Raises `ValueError` if neither the machine's time zone database nor Python's `tzdata` has it."""
    if name == "UTC":
        return UTC
    if name in ABBREVIATIONS:
        return timezone(timedelta(hours=ABBREVIATIONS[name]), name)
    if found := _OFFSET.match(name):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-offset if found[1] == "-" else offset, name)
    return named_zone(name, ABBREVIATIONS)


def is_zone(name: str) -> bool:
    """Whether `zone_of` knows it."""
    try:
        zone_of(name)
    except ValueError:
        return False
    return True


def named_zone(name: str, others: Iterable[str] = ()) -> ZoneInfo:
    """A zone of the IANA time zone database. Raises `ValueError` if there is none; the error names the nearest, also of
    `others`."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        near = get_close_matches(name.upper(), others, 1) or get_close_matches(name, available_timezones(), 1)
        raise ValueError(f"not a time zone: write a name such as {near[0] if near else 'Europe/Budapest'}") from None


def instant(wall: datetime, zone: str) -> datetime:
    """The instant at which a zone's clock shows this time, the first one if it shows it twice. Raises `ValueError` if
    it never does."""
    found = wall.replace(tzinfo=zone_of(zone)).astimezone(UTC)
    if found.astimezone(zone_of(zone)).replace(tzinfo=None) != wall:
        raise ValueError(f"daylight saving time skips this time in {zone}: write a time that its clocks show")
    return found


def _named(value: Any) -> Any:
    named_zone(value if isinstance(value, str) else "")
    return value


def _known(value: Any) -> Any:
    zone_of(value if isinstance(value, str) else "")
    return value


NamedZone = Annotated[str, BeforeValidator(_named), WithJsonSchema({"type": "string", "examples": ["Europe/Budapest"]})]
"""A name in the IANA time zone database."""
Zone = Annotated[
    str, BeforeValidator(_known), WithJsonSchema({"type": "string", "examples": ["Europe/Budapest", "EDT", "-04:00"]})
]
"""A name in the IANA time zone database, an abbreviation of a fixed offset, or an offset."""
