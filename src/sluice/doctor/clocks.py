"""Clocks: this machine, staging's store, Airflow and the workers, compared with each other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

from sluice.doctor.check import Check, error, ok, warning
from sluice.doctor.workers import Seen
from sluice.filesystem import Opened
from sluice.model.access import Connections, SqlAccess
from sluice.sources.databases import POSTGRES, query_rows

NAME = "clocks"
DOUBTFUL, WRONG = 30.0, 300.0
"""Seconds. Clocks on a network that keeps time differ by less than one; object stores refuse requests that are signed
15 minutes too early or too late."""
_NEXT = "synchronize its clock (NTP): stores refuse its requests from 15 minutes on, and windows of time would be wrong"


class Clock(NamedTuple):
    """Another clock, and by how many seconds it is ahead of the one that it is compared with."""

    owner: str
    ahead: float
    than: str = "this machine's"


def check_clocks(clocks: Iterable[Clock]) -> Iterator[Check]:
    """A finding for each clock that is wrong; one for all if none is."""
    clocks = list(clocks)
    wrong = [one for one in clocks if abs(one.ahead) >= DOUBTFUL]
    for one in wrong:
        finding = error if abs(one.ahead) >= WRONG else warning
        direction = "ahead of" if one.ahead > 0 else "behind"
        span = timedelta(seconds=round(abs(one.ahead)))
        yield finding(NAME, f"the clock of {one.owner} is {span} {direction} {one.than}", _NEXT)
    if clocks and not wrong:
        most = max(abs(one.ahead) for one in clocks)
        yield ok(NAME, f"{', '.join(one.owner for one in clocks)}: within {most:.1f} s")


def store_clock(staging: Opened) -> Clock:
    """The clock of staging's store, from the time that it gives a file which is written now."""
    name = f"sluice-probe-{uuid4()}"
    before = time.time()
    staging.write_bytes(f"{name}/clock", b"")
    try:
        between = datetime.fromtimestamp((before + time.time()) / 2, UTC)
        (file,) = staging.list(name)
        return Clock("staging's store", _offset(staging.written_at(file), between))
    finally:
        staging.remove_tree(name)


def database_clock(conn_id: str, connections: Connections) -> Clock | None:
    """The clock of a PostgreSQL database; None for other databases, whose times may have no zone."""
    access = connections.get(conn_id)
    if not isinstance(access, SqlAccess) or access.conn_type not in POSTGRES:
        return None
    rows = query_rows(access, "select clock_timestamp() as now", origin=f"connection {conn_id}")
    told = next(table for table in rows if table.num_rows).column(0)[0].as_py()
    return Clock(f"the database of {conn_id}", _offset(told, datetime.now(UTC)))


def worker_clocks(seen: Sequence[Seen]) -> Iterator[Clock]:
    """The workers' clocks, compared with that of the store which has stored their notes."""
    for one in seen:
        yield Clock(f"worker {one.worker.host}", one.ahead, "that of staging's store")


def http_clock(owner: str, date: str, now: datetime) -> Clock | None:
    """The clock of a server, from the header `Date` of an answer at the time `now`; None if it has none."""
    from email.utils import parsedate_to_datetime

    try:
        told = parsedate_to_datetime(date)
    except ValueError:
        return None
    return Clock(owner, _offset(told if told.tzinfo else told.replace(tzinfo=UTC), now))


def _offset(there: datetime, here: datetime) -> float:
    """Seconds; less than one counts as none, because most clocks are read in whole seconds."""
    ahead = (there - here).total_seconds()
    return 0.0 if abs(ahead) <= 1 else ahead
