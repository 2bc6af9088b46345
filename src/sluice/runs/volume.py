"""What was delivered, each delivery once: sums by day and more. They come from the cache."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Literal, NamedTuple

from sluice.runs.record import micros

By = Literal["day", "month", "kind", "application", "connection", "export"]
_SUMS = "sum(deliveries), sum(files), sum(records), sum(bytes)"
_DAYS = "SELECT *, substr(day, 1, 7) AS month FROM volume WHERE day >= ? AND day < ?"
_RUNS = """
    SELECT *, 1 AS deliveries, date(counted / 1000000, 'unixepoch') AS day,
        strftime('%Y-%m', counted / 1000000, 'unixepoch') AS month
    FROM runs WHERE counted >= ? AND counted < ? AND (window = '' OR key = (
        SELECT key FROM runs AS other WHERE other.flow_run_id = runs.flow_run_id AND other.export = runs.export
        AND other.window <> '' AND other.counted IS NOT NULL ORDER BY other.counted, other.tie, other.key LIMIT 1))
"""
"""The runs whose deliveries count, as the cache has counted them in `volume`."""


class Volume(NamedTuple):
    """What was delivered: published deliveries, each of them once."""

    deliveries: int
    files: int
    records: int
    bytes: int


def volume(database: sqlite3.Connection, since: date, until: date, by: Sequence[By]) -> dict[tuple[str, ...], Volume]:
    """From the day `since` to the day before `until`, in UTC, by these columns. By `export`, every run is read."""
    names = ", ".join(by)
    if "export" in by:
        sql = f"SELECT {_SUMS}, {names} FROM ({_RUNS}) GROUP BY {names} ORDER BY {names}"  # noqa: S608 - ours
        found = database.execute(sql, (_micros(since), _micros(until)))
    else:
        sql = f"SELECT {_SUMS}, {names} FROM ({_DAYS}) GROUP BY {names} ORDER BY {names}"  # noqa: S608 - ours
        found = database.execute(sql, (f"{since}", f"{until}"))
    return {tuple(row[4:]): Volume(*row[:4]) for row in found}


def first_day(database: sqlite3.Connection, kind: str) -> date | None:
    """The day of the first delivery of exports of a kind; None if there is none."""
    (found,) = database.execute("SELECT min(day) FROM volume WHERE kind = ?", (kind,)).fetchone()
    return date.fromisoformat(found) if found else None


def _micros(day: date) -> int:
    return micros(datetime.combine(day, time.min, UTC))
