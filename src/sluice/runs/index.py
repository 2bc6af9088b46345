"""The index of runs: last runs, history of an export, usage. Answers come from the cache, after it has read what is
new."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from sluice.definition.models.project import Staging
from sluice.errors import DefinitionError, FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.runs.answers import EVERY_EXPORT, Changed, Delivered, Mark, Page, Usage, Wanted
from sluice.runs.cache import COLUMNS, Cache, Intake, StaleError, code_of, location, reading, record_of, row_of, writing
from sluice.runs.journal import Journal
from sluice.runs.record import VERIFICATIONS, Record, micros
from sluice.runs.volume import By, Volume, first_day, volume

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
_ROUNDS = 5
"""Attempts to read a journal whose records are being packed at the same time, and to build an unusable cache."""
_LIST = ", ".join(COLUMNS)
_NEWEST_FIRST = "ORDER BY recorded DESC, ended DESC, tie DESC"
_BATCH = 1000


class Index:
    """The index of runs of one staging folder."""

    def __init__(self, journal: Journal, file: Path) -> None:
        """`file` is the cache."""
        self._journal, self._cache = journal, Cache(file)

    @classmethod
    def of(cls, staging: Staging, connections: Connections) -> Index:
        folder = open_filesystem(connections, staging.airflow_conn_id, f"{staging.path}/index".lstrip("/"))
        return cls(Journal(folder), location(f"{staging.airflow_conn_id}\n{folder.root}"))

    def refresh(self) -> None:
        """Read what was added to the journal since the last call."""
        self._retried(self._refresh)

    def last(self, wanted: Wanted = EVERY_EXPORT) -> Page:
        """The last run of each export. Raises `DefinitionError` for an unknown sort field."""
        if wanted.sort not in COLUMNS:
            raise DefinitionError(f"runs are not sorted by {wanted.sort!r}", known=COLUMNS, next_step="choose one")
        where, values = _where(wanted)
        direction = "DESC" if wanted.descending else "ASC"
        page = f"ORDER BY {wanted.sort} {direction}, export LIMIT ? OFFSET ?"
        limit = -1 if wanted.limit is None else wanted.limit

        def ask(database: sqlite3.Connection) -> Page:
            found = database.execute(f"SELECT {_LIST} FROM last {where} {page}", (*values, limit, wanted.offset))  # noqa: S608
            (total,) = database.execute(f"SELECT count(*) FROM last {where}", values).fetchone()  # noqa: S608
            return Page(_records(found), total)

        return self._retried(ask)

    def delivered(self) -> list[Record]:
        """The last delivery of each export that has one."""
        return self._retried(lambda database: _records(database.execute(f"SELECT {_LIST} FROM delivered")))  # noqa: S608

    def changed(self, since: Mark | None) -> Changed:
        """The exports with records that were read since a mark; all of them without one."""

        def ask(database: sqlite3.Connection) -> Changed:
            with reading(database):
                (cache,) = database.execute("PRAGMA application_id").fetchone()
                # A record that replaces another one gets a new, greater number too.
                (row,) = database.execute("SELECT coalesce(max(rowid), 0) FROM runs").fetchone()
                whole = since is None or since.cache != cache
                some = "" if whole else " WHERE export IN (SELECT export FROM runs WHERE rowid > ?)"
                values = () if since is None or whole else (since.row,)
                last, delivered = (
                    _records(database.execute(f"SELECT {_LIST} FROM {table}{some}", values))  # noqa: S608
                    for table in ("last", "delivered")
                )
                return Changed(Mark(cache, row), whole, last, delivered)

        return self._retried(ask)

    def find(self, export: str, run: str) -> Record | None:
        """The last record of an Airflow run; None if it has not reported."""
        return next(iter(self._some(export, "run = ?", run, 1)), None)

    def delivery(self, export: str, run: str) -> Record | None:
        """A delivery by its Airflow run id or its flow run id; None if there is none."""
        return next(iter(self._some(export, "? IN (run, flow_run_id) AND outcome = 'published'", run, 1)), None)

    def verification(self, export: str, manifest: str) -> Record | None:
        """The last run that has compared the delivery with this manifest; None if there is none."""
        return next(iter(self._some(export, f"manifest = ? AND outcome IN {VERIFICATIONS}", manifest, 1)), None)

    def ended_before(self, export: str, moment: datetime, limit: int) -> list[Record]:
        """The last runs of one export that had ended before a moment, newest first."""
        return self._some(export, "ended < ?", micros(moment), limit)

    def published(self, export: str) -> list[Record]:
        """Every delivery of one export, newest first."""
        return self._some(export, "outcome = ?", "published", -1)

    def history(self, export: str, limit: int, offset: int = 0) -> Page:
        """The runs of one export, newest first."""

        def ask(database: sqlite3.Connection) -> Page:
            found = database.execute(
                f"SELECT {_LIST} FROM runs WHERE export = ?"  # noqa: S608
                f" {_NEWEST_FIRST} LIMIT ? OFFSET ?",
                (export, limit, offset),
            )
            (total,) = database.execute("SELECT count(*) FROM runs WHERE export = ?", (export,)).fetchone()
            return Page(_records(found), total)

        return self._retried(ask)

    def _some(self, export: str, condition: str, value: Any, limit: int) -> list[Record]:
        def ask(database: sqlite3.Connection) -> list[Record]:
            sql = f"SELECT {_LIST} FROM runs WHERE export = ? AND {condition} {_NEWEST_FIRST} LIMIT ?"  # noqa: S608
            return _records(database.execute(sql, (export, value, limit)))

        return self._retried(ask)

    def usage(self, by: Literal["export", "connection"], since: str = "", until: str = "9999") -> list[Usage]:
        """Sums per month, from the month `since` to the month `until`, both included."""

        def ask(database: sqlite3.Connection) -> list[Usage]:
            found = database.execute(
                "SELECT month, name, runs, deliveries, files, records, bytes FROM usage"
                " WHERE of = ? AND month BETWEEN ? AND ? ORDER BY month, name",
                (by, since, until),
            )
            return [Usage(*row) for row in found]

        return self._retried(ask)

    def volume(self, since: date, until: date, by: Sequence[By]) -> dict[tuple[str, ...], Volume]:
        """What was delivered from the day `since` to the day before `until`, in UTC, by these columns. A delivery
        counts once, on the day it was first published. By `export`, every run is read."""
        return self._retried(lambda database: volume(database, since, until, by))

    def first_day(self, kind: str) -> date | None:
        """The day of the first delivery of exports of a kind; None if there is none."""
        return self._retried(lambda database: first_day(database, kind))

    def delivered_since(self, moment: datetime, *, connection: str = "", but: str = "") -> Delivered:
        """What was delivered by runs that ended after a moment: to one connection, or without one to all of them. `but`
        is a flow run id that does not count."""

        def ask(database: sqlite3.Connection) -> Delivered:
            found = database.execute(
                "SELECT count(*), coalesce(sum(bytes), 0) FROM runs WHERE outcome = 'published' AND ended > ?"
                " AND connection = coalesce(nullif(?, ''), connection) AND flow_run_id <> ?",
                (micros(moment), connection, but),
            )
            return Delivered(*found.fetchone())

        return self._retried(ask)

    def _retried(self, act: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """`act` on the cache; if the cache is unusable, on a new one."""
        for attempt in range(_ROUNDS):
            try:
                with self._cache.opened() as database:
                    if attempt and act != self._refresh:
                        self._refresh(database)
                    return act(database)
            except StaleError:
                self._cache.remove()
        raise FatalError(
            f"{self._cache.file}, the copy of the index of runs on this machine, was unusable {_ROUNDS} times",
            next_step="check the disk, or set SLUICE_CACHE to another folder",
        )

    def _refresh(self, database: sqlite3.Connection) -> None:
        try:
            for _ in range(_ROUNDS):
                if self._catch_up(database):
                    return
        except sqlite3.OperationalError as busy:
            if code_of(busy) != sqlite3.SQLITE_BUSY:
                raise
            log.warning("another process is updating the index of runs: the last runs may be missing")

    def _catch_up(self, database: sqlite3.Connection) -> bool:
        """Read the new records, then the packed files: a record that has left the one is in the other. False if some
        were packed in between."""
        with writing(database):
            known_days = {name for (name,) in database.execute("SELECT name FROM days")}
            known = {name for (name,) in database.execute("SELECT name FROM new")}
            listed = set(self._journal.new())
            days = self._journal.days(known_days)
            if known_days - days.present:  # removed from staging
                raise StaleError
            intake, packed, complete = Intake(database), set(), True
            for file in days.unread:
                table = self._journal.read_day(file)
                if table is not None:
                    packed |= set(table["id"].to_pylist()) & listed
                    intake.add(_rows(table))
                    database.execute("INSERT INTO days VALUES (?)", (str(file),))
            for name, record in self._journal.read(sorted(listed - known - packed)):
                if record is None:
                    complete = False
                else:
                    intake.add([row_of(record)])
                    database.execute("INSERT INTO new VALUES (?)", (name,))
            database.executemany("DELETE FROM new WHERE name = ?", ((name,) for name in known - listed))
            intake.finish()
        return complete


def _records(found: Iterable[Sequence[Any]]) -> list[Record]:
    return [record_of(row) for row in found]


def _rows(table: Any) -> Any:
    """The rows of a packed file, for the cache."""
    import pyarrow as pa

    for batch in table.to_batches(max_chunksize=_BATCH):
        columns = (batch[name] for name in (*COLUMNS, "id"))
        values = (one.cast(pa.int64()) if pa.types.is_timestamp(one.type) else one for one in columns)
        yield from zip(*(one.to_pylist() for one in values), strict=True)


def _where(wanted: Wanted) -> tuple[str, list[str]]:
    parts: list[str] = []
    values: list[str] = []
    for column, known in (("outcome", wanted.outcomes), ("connection", wanted.connections), ("kind", wanted.kinds)):
        if known:
            parts.append(f"{column} IN ({', '.join('?' * len(known))})")
            values += known
    if wanted.text:
        parts.append("instr(lower(export), lower(?))")
        values.append(wanted.text)
    return ("WHERE " + " AND ".join(parts) if parts else ""), values
