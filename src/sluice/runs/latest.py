"""The last run and the last delivery of every export in memory. Only what has changed is read again."""

from __future__ import annotations

from sluice.runs.answers import Mark
from sluice.runs.index import Index
from sluice.runs.record import Record


class Latest:
    """Follows an index. For one thread at a time."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._mark: Mark | None = None
        self.last: dict[str, Record] = {}
        self.delivered: dict[str, Record] = {}

    def read(self) -> None:
        """Read what was added to the index since the last call."""
        self._index.refresh()
        changed = self._index.changed(self._mark)
        if changed.whole:
            self.last, self.delivered = {}, {}
        self.last |= {record.export: record for record in changed.last}
        self.delivered |= {record.export: record for record in changed.delivered}
        self._mark = changed.mark
