"""Volumes for people."""

from __future__ import annotations


def spell_volume(value: int) -> str:
    """In a unit that reads well, in powers of 1,000: `812 B`, `1.2 MB`, `14 TB`."""
    rest, unit = float(value), 0
    units = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
    while rest >= 999.5 and unit < len(units) - 1:
        rest, unit = rest / 1000, unit + 1
    return f"{rest:.1f} {units[unit]}" if unit and rest < 9.95 and round(rest, 1) % 1 else f"{rest:,.0f} {units[unit]}"
