"""Deliveries whose numbers are far from those before."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from sluice.runs.record import Record

BEFORE = 20
"""The deliveries that one is compared with: at most as many."""
LEAST = 5
"""Without as many deliveries before, nothing is an outlier."""
FAR = 4.0


def outliers(record: Record, before: Sequence[Record]) -> list[str]:
    """Which of `records`, `bytes` and `seconds` of a delivery are outliers: more than 4 median absolute deviations from
    the median of the (up to 20) deliveries before it, if there are at least 5. A deviation counts as at least 5 % of
    the median, so that after many equal deliveries a small difference is none."""
    known = before[:BEFORE]
    if record.outcome != "published" or len(known) < LEAST:
        return []
    numbers = {"records": lambda one: one.records, "bytes": lambda one: one.bytes, "seconds": lasted}
    return [name for name, of in numbers.items() if _is_far(of(record), [of(one) for one in known])]


def lasted(record: Record) -> float:
    """Seconds from the start of a run to its end; those of its steps if the start is unknown."""
    return (record.ended - record.started).total_seconds() if record.started else record.seconds


def _is_far(value: float, before: Sequence[float]) -> bool:
    middle = median(before)
    deviation = max(median(abs(one - middle) for one in before), abs(middle) * 0.05, 1e-9)
    return abs(value - middle) > FAR * deviation
