"""Packs the journal's days that are over: one Parquet file instead of thousands of small ones.

The file of a day is created before its records are removed, under the next number of that day, by exactly one process.
A process that loses the number reads the day again. So a crash at any point loses nothing, and no record is in two
files; readers ignore a record that they find in both forms.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby

from sluice.definition.models.project import Staging
from sluice.errors import SluiceError
from sluice.model.access import Connections
from sluice.runs.journal import DayFile, Journal, day_of

log = logging.getLogger(__name__)


def compact(journal: Journal, now: datetime) -> dict[str, int]:
    """Pack the records of every day before today (UTC). Returns the days with the number of records packed by this
    process."""
    today = f"{now.astimezone(UTC):%Y-%m-%d}"
    over = sorted(record for record in journal.new() if day_of(record) < today)
    return {day: _pack(journal, day, records) for day, records in groupby(over, day_of)}


def _pack(journal: Journal, day: str, records: Iterable[str]) -> int:
    ids = set(records)
    known: set[str] = set()
    number = 0
    while True:
        files = [file for file in journal.files_of(day) if file.number > number]
        for file in files:
            known |= journal.ids_of(file)
        number = max((file.number for file in files), default=number)
        found = {name: record for name, record in journal.read(sorted(ids - known)) if record}
        if not found or journal.pack(DayFile(day, number + 1), list(found.values())):
            journal.remove(sorted(ids & (known | found.keys())))
            return len(found)


def compact_daily(staging: Staging, connections: Connections, now: datetime) -> bool:
    """Pack the days that are over, in the first process that calls this on a day. Whether this was that process. A
    failure is logged, and the next day tries again."""
    turn = False
    try:
        journal = Journal.of(staging, connections)
        turn = journal.take_turn(f"{now.astimezone(UTC):%Y-%m-%d}")
        if turn:
            for day, packed in compact(journal, now).items():
                log.info("index of runs: %s records of %s packed", f"{packed:,}", day)
    except Exception as failed:  # it never changes how the calling run ends
        what = failed.what if isinstance(failed, SluiceError) else type(failed).__name__
        log.warning("the index of runs was not packed; another run tries again tomorrow: %s", what)
    return turn
