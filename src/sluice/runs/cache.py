"""The copy of the journal in SQLite, on the reader's own disk. It may be deleted at any time.

`runs` has one row per run. `last` repeats the last row of each export that is no verification, `delivered` its last
published one. `usage` has
sums per month, of each export and of each connection, and `volume` has what was delivered on each day. They answer
immediately, however many runs there are.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sluice.errors import FatalError
from sluice.runs.parquet import NUMBERS, TEXTS, TIMES
from sluice.runs.record import VERIFICATIONS, Record, from_micros, micros

FORMAT = 4
"""Increased with every change of the tables: an older file is built again."""
COLUMNS = (*TEXTS, *TIMES, *NUMBERS, "seconds")
"""The columns of `runs`, `last` and `delivered` that make a record. Times are microseconds of UNIX time."""
_ID = len(COLUMNS)
GROUPS = ("kind", "application", "connection")
"""The columns that `volume` has sums of, beside the day."""
_PLACE = {name: place for place, name in enumerate(COLUMNS)}
_DECLARED = ", ".join(
    [f"{name} TEXT NOT NULL" for name in TEXTS]
    + [f"{name} INTEGER" for name in TIMES]
    + [f"{name} INTEGER NOT NULL" for name in NUMBERS]
    + ["seconds REAL NOT NULL"]
)
TABLES = f"""
    CREATE TABLE runs ({_DECLARED}, tie INTEGER NOT NULL, counted INTEGER, key BLOB NOT NULL);
    CREATE TABLE last ({_DECLARED}, PRIMARY KEY (export));
    CREATE TABLE delivered ({_DECLARED}, PRIMARY KEY (export));
    CREATE TABLE usage (of TEXT, month TEXT, name TEXT, runs INTEGER, deliveries INTEGER, files INTEGER,
        records INTEGER, bytes INTEGER, PRIMARY KEY (of, month, name)) WITHOUT ROWID;
    CREATE TABLE volume (day TEXT, kind TEXT, application TEXT, connection TEXT, deliveries INTEGER, files INTEGER,
        records INTEGER, bytes INTEGER, PRIMARY KEY (day, kind, application, connection)) WITHOUT ROWID;
    CREATE TABLE days (name TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE new (name TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE UNIQUE INDEX by_key ON runs (key);
    CREATE INDEX by_export ON runs (export, recorded);
    CREATE INDEX by_slice ON runs (flow_run_id) WHERE window <> '';
    CREATE INDEX by_end ON runs (ended) WHERE outcome = 'published';
"""
_NAMES = ", ".join(COLUMNS)
_FIND = f"SELECT {_NAMES}, tie, counted FROM runs WHERE key = ?"  # noqa: S608 - the names are ours
_ADD = f"INSERT OR REPLACE INTO runs VALUES ({', '.join('?' * (_ID + 3))})"  # noqa: S608 - as many as columns
_FIND_SLICE = (
    f"SELECT {_NAMES}, tie, counted FROM runs WHERE flow_run_id = ? AND export = ? AND window <> ''"  # noqa: S608
    " AND counted IS NOT NULL ORDER BY counted, tie, key LIMIT 1"
)
_NEWEST = "ORDER BY recorded DESC, ended DESC, tie DESC LIMIT 1"
_REPEAT = (
    f"INSERT OR REPLACE INTO last SELECT {_NAMES} FROM runs"  # noqa: S608 - the names are ours
    f" WHERE export = ? AND outcome NOT IN {VERIFICATIONS} {_NEWEST}",
    f"INSERT OR REPLACE INTO delivered SELECT {_NAMES} FROM runs"  # noqa: S608
    f" WHERE export = ? AND outcome = 'published' {_NEWEST}",
)
_SUM = """
    INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        runs = runs + excluded.runs, deliveries = deliveries + excluded.deliveries, files = files + excluded.files,
        records = records + excluded.records, bytes = bytes + excluded.bytes
"""
_ADD_VOLUME = """
    INSERT INTO volume VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        deliveries = deliveries + excluded.deliveries, files = files + excluded.files,
        records = records + excluded.records, bytes = bytes + excluded.bytes
"""
_WAIT = 30.0
"""Seconds to wait for another process that updates the same file."""
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
Row = tuple[Any, ...]
"""The values of `COLUMNS`, then the record's id."""


class StaleError(Exception):
    """The file is corrupt, has other tables, or holds what the journal no longer holds: it has to be built again."""


class Cache:
    """One SQLite file. Safe to use from many threads and processes: each use opens its own connection."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """A connection. Raises `StaleError` if the file has to be built again."""
        self._make_folder()
        try:
            with closing(sqlite3.connect(self.file, timeout=_WAIT, isolation_level=None)) as database:
                self._prepare(database)
                yield database
        except sqlite3.Error as error:
            if code_of(error) in _BROKEN:
                raise StaleError from error
            raise FatalError(
                f"{self.file}, the copy of the index of runs on this machine, cannot be used: {error}",
                next_step="check the disk, or set SLUICE_CACHE to another folder",
            ) from error

    def remove(self) -> None:
        """Delete the file; the next use builds it again."""
        for suffix in ("", "-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)

    def _make_folder(self) -> None:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.file.touch(mode=0o600)
        except OSError as refused:
            raise FatalError(
                f"{self.file}, the copy of the index of runs on this machine, cannot be written: {refused.strerror}",
                next_step="set SLUICE_CACHE to a folder that this process may write",
            ) from refused

    def _prepare(self, database: sqlite3.Connection) -> None:
        _share(database)
        database.execute("PRAGMA synchronous = OFF")  # after a crash of the machine, it is built again
        database.execute("PRAGMA cache_size = -65536")
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found == FORMAT:
            return
        with writing(database):  # another process may have been faster
            (found,) = database.execute("PRAGMA user_version").fetchone()
            (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if found != FORMAT and tables:
                raise StaleError
            if found != FORMAT:
                for statement in filter(str.strip, TABLES.split(";")):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {FORMAT}")
                database.execute(f"PRAGMA application_id = {secrets.randbits(31)}")


def _share(database: sqlite3.Connection) -> None:
    """Let others read while one process writes. SQLite does not wait if another one switches this on."""
    patience = time.monotonic() + _WAIT
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as busy:
            if code_of(busy) != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.02)


def code_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 if the error is not from SQLite itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


@contextmanager
def writing(database: sqlite3.Connection) -> Iterator[None]:
    """One transaction, which excludes other writers."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


@contextmanager
def reading(database: sqlite3.Connection) -> Iterator[None]:
    """One transaction: everything is read as of one moment."""
    database.execute("BEGIN")
    try:
        yield
    finally:
        database.execute("ROLLBACK")


def location(staging: str) -> Path:
    """The file for one staging folder: below `SLUICE_CACHE`, `XDG_CACHE_HOME` or `~/.cache`."""
    base = os.environ.get("SLUICE_CACHE") or os.path.join(  # noqa: PTH118 - `Path.home()` raises without a home
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),  # noqa: PTH111
        "sluice",
    )
    return Path(base) / f"runs-{hashlib.sha256(staging.encode()).hexdigest()[:16]}.sqlite"


def row_of(record: Record) -> Row:
    values = (getattr(record, name) for name in COLUMNS)
    return (*(micros(value) if isinstance(value, datetime) else value for value in values), record.id)


def record_of(row: Sequence[Any]) -> Record:
    """The record from the values of `COLUMNS`."""
    values = dict(zip(COLUMNS, row, strict=True))
    times = {name: from_micros(values[name]) for name in TIMES if values[name] is not None}
    return Record.model_construct(**values | times)


class Intake:
    """Adds records within one transaction, in any order and any number of times: the result is the same."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._touched: set[str] = set()
        self._published: set[str] = set()
        self._usage: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * 5)
        self._volume: defaultdict[tuple[str, str, str, str], list[int]] = defaultdict(lambda: [0] * 4)

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            key, tie = _digest(*_run(row)), int.from_bytes(_digest(row[_ID])[:7], "big")
            before = self._database.execute(_FIND, (key,)).fetchone()
            new = (*row[:_ID], tie, _first(row, before))
            if before is not None and _rank(before) >= _rank(new[:-1]):
                if before[-1] != new[-1]:  # the delivery was reported before, too
                    self._put(before, (*before[:-1], new[-1]), key)
                continue
            self._put(before, new, key)
            self._touched.add(row[_PLACE["export"]])
            if row[_PLACE["outcome"]] == "published":  # a delivery stays one
                self._published.add(row[_PLACE["export"]])
            self._count(row, 1)
            if before is not None:
                self._count(before, -1)

    def finish(self) -> None:
        """Bring `last`, `delivered` and `usage` up to date."""
        for statement, exports in zip(_REPEAT, (self._touched, self._published), strict=True):
            self._database.executemany(statement, ((export,) for export in exports))
        self._database.executemany(_SUM, ((*group, *sums) for group, sums in self._usage.items()))
        self._database.execute("DELETE FROM usage WHERE runs = 0")
        self._database.executemany(_ADD_VOLUME, ((*group, *sums) for group, sums in self._volume.items()))
        self._database.execute("DELETE FROM volume WHERE deliveries = 0")

    def _put(self, before: Sequence[Any] | None, new: Sequence[Any], key: bytes) -> None:
        """Add or replace the row of a run. What it has delivered counts once, on the day it was first published."""
        counted = self._delivery(new, before)
        self._database.execute(_ADD, (*new, key))
        for row, sign in ((counted, -1), (self._delivery(new, new), 1)):
            if row is not None and row[-1] is not None:
                group = (f"{from_micros(row[-1]):%Y-%m-%d}", *(row[_PLACE[name]] for name in GROUPS))
                for place, value in enumerate((1, *(row[_PLACE[name]] for name in ("files", "records", "bytes")))):
                    self._volume[group][place] += sign * value

    def _delivery(self, run: Sequence[Any], own: Sequence[Any] | None) -> Sequence[Any] | None:
        """The row that counts for what `run` delivers: its own. Backfills of one slice deliver the same bytes under the
        same names, so only the first of them counts."""
        if not run[_PLACE["window"]]:
            return own
        names = (run[_PLACE["flow_run_id"]], run[_PLACE["export"]])
        found: Sequence[Any] | None = self._database.execute(_FIND_SLICE, names).fetchone()
        return found

    def _count(self, row: Sequence[Any], sign: int) -> None:
        month = f"{from_micros(row[_PLACE['ended']]):%Y-%m}"
        delivered = (1, *(row[_PLACE[name]] for name in ("files", "records", "bytes")))
        published = row[_PLACE["outcome"]] == "published"
        for of in ("export", "connection"):
            sums = self._usage[of, month, row[_PLACE[of]]]
            for place, value in enumerate((1, *delivered) if published else (1,)):
                sums[place] += sign * value


def _first(row: Sequence[Any], before: Sequence[Any] | None) -> int | None:
    """When the run was first published, as far as its records tell; None if it was not."""
    own = row[_PLACE["ended"]] if row[_PLACE["outcome"]] == "published" else None
    known = before[-1] if before is not None else None
    return min((time for time in (own, known) if time is not None), default=None)


def _run(row: Row) -> Iterator[str]:
    """What makes a run: the export, the Airflow run, and the flow run id, which backfills of one slice share."""
    return (row[_PLACE[name]] for name in ("export", "run", "flow_run_id"))


def _digest(*words: str) -> bytes:
    return hashlib.blake2b("\n".join(words).encode(), digest_size=16).digest()


def _rank(row: Sequence[Any]) -> tuple[Any, ...]:
    """The highest of a run's records counts: a delivery stays one; otherwise the last one recorded."""
    return row[_PLACE["outcome"]] == "published", row[_PLACE["recorded"]], row[_PLACE["ended"]], row[_ID]
