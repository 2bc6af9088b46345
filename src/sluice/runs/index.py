"""The answers: last runs, history of an export, usage. They come from the cache, after it has read what is new."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from sluice.definition.models.project import Staging
from sluice.errors import DefinitionError, FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.runs.cache import COLUMNS, Cache, Intake, StaleError, code_of, location, record_of, row_of, writing
from sluice.runs.journal import Journal
from sluice.runs.record import Record

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
_ROUNDS = 5
"""Attempts to read a journal whose records are being packed at the same time, and to build an unusable cache."""
_LIST = ", ".join(COLUMNS)
_BATCH = 1000


@dataclass(frozen=True)
class Wanted:
    """Which exports to list, and in which order. Empty: all."""

    outcomes: Sequence[str] = ()
    connections: Sequence[str] = ()
    kinds: Sequence[str] = ()
    text: str = ""
    """A part of the export's name, in any case."""
    sort: str = "export"
    """A field of `Record`."""
    descending: bool = False
    limit: int | None = None
    offset: int = 0


class Page(NamedTuple):
    """The records of one page, and the number of records on all pages."""

    records: list[Record]
    total: int


class Usage(NamedTuple):
    """The sums of a month. All but `runs` count published deliveries only."""

    month: str
    """In UTC, such as 2026-11."""
    name: str
    """The export, or the connection; empty for runs that ended before they had one."""
    runs: int
    deliveries: int
    files: int
    records: int
    bytes: int


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

    def last(self, wanted: Wanted = Wanted()) -> Page:
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
            return Page([record_of(row) for row in found], total)

        return self._retried(ask)

    def history(self, export: str, limit: int, offset: int = 0) -> Page:
        """The runs of one export, newest first."""

        def ask(database: sqlite3.Connection) -> Page:
            found = database.execute(
                f"SELECT {_LIST} FROM runs WHERE export = ?"  # noqa: S608
                " ORDER BY recorded DESC, ended DESC, tie DESC LIMIT ? OFFSET ?",
                (export, limit, offset),
            )
            (total,) = database.execute("SELECT count(*) FROM runs WHERE export = ?", (export,)).fetchone()
            return Page([record_of(row) for row in found], total)

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
    for column, known in (
        ("outcome", wanted.outcomes),
        ("connection", wanted.connections),
        ("kind", wanted.kinds),
    ):
        if known:
            parts.append(f"{column} IN ({', '.join('?' * len(known))})")
            values += known
    if wanted.text:
        parts.append("instr(lower(export), lower(?))")
        values.append(wanted.text)
    return ("WHERE " + " AND ".join(parts) if parts else ""), values
