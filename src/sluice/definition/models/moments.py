"""Dates and times in declarations."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from sluice.definition.models.zones import instant

FIRST_YEAR, LAST_YEAR = 1971, 2199
"""The range of years for `start`, `end` and `once`. Outside it, clocks, time zones and cron stop working at different
years."""
_DATE = len("2026-12-01")


def named_zone_in(text: str) -> str | None:
    """The zone at the end of `2026-12-01 06:30 EDT` or `2026-12-01T06:30-04:00`; None if there is none."""
    plain, zone = _split(text.strip())
    if zone:
        return zone
    try:
        offset = datetime.fromisoformat(plain).strftime("%z")
    except ValueError:
        return None
    return f"{offset[:3]}:{offset[3:5]}" if offset.strip("+0") else None


def _split(text: str) -> tuple[str, str]:
    """The time and the zone of `2026-12-01 06:30 EDT`; the zone is empty if there is none."""
    plain, _, zone = text.rpartition(" ")
    return (plain.rstrip(), zone) if plain and not zone[0].isdigit() else (text, "")


def _moment(value: Any, *, whole_day: bool = False) -> Any:
    """Read `2026-12-01`, `2026-12-01T06:30` with or without a UTC offset, or `2026-12-01 06:30 EDT`. Default: UTC."""
    if isinstance(value, datetime):
        return value
    text = value.strip() if isinstance(value, str) else ""
    plain, zone = _split(text)
    try:
        if len(plain) == _DATE:
            found = datetime.combine(date.fromisoformat(plain), time.max if whole_day else time.min)
        else:
            found = datetime.fromisoformat(plain)
    except ValueError:
        raise ValueError("not a date: write one such as 2026-12-01 or 2026-12-01T06:30, in UTC") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"outside the years {FIRST_YEAR} to {LAST_YEAR}: correct the year")
    if found.tzinfo and zone:
        raise ValueError(f"has both a UTC offset and `{zone}`: delete one of them")
    return found.astimezone(UTC) if found.tzinfo else instant(found, zone or "UTC")


def _last_moment(value: Any) -> Any:
    return _moment(value, whole_day=True)


_IN_FILES = (
    PlainSerializer(lambda value: value.isoformat(), when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["2026-12-01", "2026-12-01T06:30", "2026-12-01 06:30 EDT"]}),
)
Start = Annotated[datetime, BeforeValidator(_moment), *_IN_FILES]
"""A timestamp, or a date, which means its first moment; in UTC unless it names a time zone."""
End = Annotated[datetime, BeforeValidator(_last_moment), *_IN_FILES]
"""A timestamp, or a date, which means its last moment; in UTC unless it names a time zone."""


def _clock(value: Any) -> Any:
    try:
        if not isinstance(value, str) or len(value) != len("06:30"):
            raise ValueError
        time.fromisoformat(value)
    except ValueError:
        raise ValueError("not a time of day: write hours and minutes, such as 06:30") from None
    return value


Clock = Annotated[str, BeforeValidator(_clock), WithJsonSchema({"type": "string", "examples": ["06:30"]})]
"""Hours and minutes."""
