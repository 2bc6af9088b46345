"""Rows that have the same value more often than their target reads in one file."""

from __future__ import annotations

import tempfile

from sluice.delivery.row_rules.keyed import Keys, asked
from sluice.errors import FatalError
from sluice.mapping.mapper import Mapper
from sluice.memory import budget
from sluice.model.layout import as_numpy
from sluice.sources.base import Pinned, Source
from sluice.sources.row_set import RowSet
from sluice.sql import connect

_THREADS = 2


def repeated(source: Source, pinned: Pinned, rows: RowSet, mapper: Mapper, column: str, most: int) -> RowSet:
    """The rows beyond the first `most` that have the same value in this column of the delivered rows, in the order of
    the data. Counts over all files: which rows share a file is not known before."""
    found = RowSet(pinned.slices)
    if len(rows) <= most:
        return found
    with (
        tempfile.TemporaryDirectory(prefix="sluice-") as spill,
        connect(threads=_THREADS, memory=budget().engine, spill=spill) as engine,
    ):
        # Hardly any data has such rows. Counting hashes is far cheaper than numbering values, so it comes first. The
        # numbering then compares the values themselves, because two values may have the same hash.
        counted = f"create table many as select hash(k0) as h from rows group by h having count(*) > {most}"  # noqa: S608
        list(asked(engine, counted, Keys(source, pinned, rows, [column], mapper), _failed))
        if engine.execute("select count(*) from many").fetchall() == [(0,)]:
            return found
        numbered = (
            "select ordinal from rows where hash(k0) in (from many)"  # noqa: S608 - our own number
            f" qualify row_number() over (partition by k0 order by ordinal) > {most}"
        )
        for batch in asked(engine, numbered, Keys(source, pinned, rows, [column], mapper), _failed):
            found.add(as_numpy(batch.column(0)))
    return found


def _failed(why: str) -> FatalError:
    return FatalError(
        f"counting the rows of each visitor failed: {why}",
        next_step="declare more `memory`, or make room in the machine's temporary folder",
    )
