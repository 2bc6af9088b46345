"""Measures the index of runs with 10,000 exports of 1,000 runs each, and scans of Parquet for comparison.

    nice -n 15 python -m benchmarks.run_index /tmp/run-index

It needs 7 GB of disk and takes some minutes. What it printed is in docs/decisions/0030-index-of-runs.md.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253 - it is all that this program is for
import pyarrow.dataset as ds  # noqa: TID253
import pyarrow.parquet as pq  # noqa: TID253

from sluice.filesystem import open_filesystem
from sluice.runs.answers import Wanted
from sluice.runs.cache import COLUMNS, FORMAT, TABLES, Cache, Intake, writing
from sluice.runs.index import Index, _rows
from sluice.runs.journal import Journal
from sluice.runs.parquet import NUMBERS, TEXTS, TIMES
from sluice.runs.record import micros
from tests.builders import World

EXPORTS, RUNS, CONNECTIONS, SOME_DAYS = 10_000, 1_000, 40, 5
DAY = 86_400_000_000
FIRST = micros(datetime(2024, 1, 1, tzinfo=UTC))
EXPORT, ANOTHER = "export_of_something_04711", "export_of_something_08150"
FLOW = "printf('%08x-5d6e-5f0b-9f57-%012x', number * 48271 % 4294967296, day)"
VALUES = {
    "export": "printf('export_of_something_%05d', number)",
    "kind": "'dataset-export'",
    "application": "''",
    "connection": f"printf('connection_%d', number % {CONNECTIONS})",
    "run": "printf('scheduled__2024-01-01T00:00:00+00:00 and %d days', day)",
    "flow_run_id": FLOW,
    "outcome": "CASE (number + day) % 50 WHEN 0 THEN 'failed' ELSE 'published' END",
    "why": "CASE (number + day) % 50 WHEN 0 THEN '1 of 4 parts at the destination differ from those sent' ELSE '' END",
    "mode": "'incremental'",
    "window": "''",
    "manifest": f"printf('s3://deliveries/folder/of/export_%05d/%04d/manifest-%s.json', number, day, {FLOW})",
    **dict.fromkeys(TIMES, f"{FIRST} + day * {DAY} + number * 1000000"),
    **dict.fromkeys(NUMBERS, "number * day % 100000"),
    "seconds": "number / 10.0",
}
"""One run, in SQL that DuckDB and SQLite share: its export's number, and the day."""


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    days, sqlite = folder / "days", folder / "runs.sqlite"
    timed("write one Parquet file per day", partial(parquet, days), times=1)
    print(f"  {size(*days.iterdir()):,} bytes in {RUNS} files")
    timed("fill SQLite in one statement", partial(fill, sqlite), times=1)
    print(f"  {size(sqlite):,} bytes")
    answers(Index(Journal(open_filesystem(World(folder), "sluice_staging", "index")), sqlite), sqlite)
    scans(days)
    timed(f"{SOME_DAYS} days into a new SQLite file", partial(intake, folder / "new.sqlite", days), times=1)
    timed(f"{SOME_DAYS} more days into the full SQLite file", partial(intake, sqlite, days), times=1)


def timed(what: str, act: Callable[[], object], *, times: int = 7) -> None:
    """Print the median."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    print(f"{what}: {sorted(taken)[len(taken) // 2] * 1000:,.1f} ms", flush=True)


def size(*files: Path) -> int:
    return sum(file.stat().st_size for file in files)


def parquet(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    columns = [f"{VALUES[name]} AS {name}" for name in (*TEXTS, *NUMBERS)]
    columns += [f"make_timestamptz({VALUES[name]}) AS {name}" for name in TIMES]
    columns += [f"({VALUES['seconds']})::DOUBLE AS seconds", "1 AS version"]
    columns += ["md5(printf('%d %d', number, day)) AS id"]
    with duckdb.connect() as database:
        database.execute("SET threads = 2")
        for day in range(RUNS):
            rows = f"SELECT {', '.join(columns)} FROM (SELECT range AS number, {day} AS day FROM range({EXPORTS}))"  # noqa: S608
            database.execute(f"COPY ({rows}) TO '{folder}/{day:04d}.parquet' (COMPRESSION zstd)")


def fill(file: Path) -> None:
    """Without the intake; the indexes are made at the end."""
    file.unlink(missing_ok=True)
    tables, unique, indexes = TABLES.partition("CREATE UNIQUE INDEX")
    names = ", ".join(COLUMNS)
    values = ", ".join(VALUES[name] for name in COLUMNS)
    counted = f"CASE WHEN {VALUES['outcome']} = 'published' THEN {VALUES['ended']} END"
    count = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {} - 1)"
    rows = f"{count.format(EXPORTS * RUNS)} SELECT i / {EXPORTS} AS day, i % {EXPORTS} AS number FROM n"  # noqa: S608
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA user_version = {FORMAT};")
        database.executescript(tables)
        database.execute(f"INSERT INTO runs SELECT {values}, random(), {counted}, randomblob(16) FROM ({rows})")  # noqa: S608
        database.execute("PRAGMA cache_size = -262144")
        database.executescript(unique + indexes)
        database.execute(f"INSERT INTO last SELECT {names} FROM runs WHERE rowid > {(RUNS - 1) * EXPORTS}")  # noqa: S608
        database.execute(
            "INSERT INTO volume SELECT date(counted / 1000000, 'unixepoch') AS day, kind, application, connection,"
            " count(*), sum(files), sum(records), sum(bytes) FROM runs WHERE counted IS NOT NULL GROUP BY 1, 2, 3, 4"
        )
        for of in ("export", "connection"):
            database.execute(
                f"INSERT INTO usage SELECT '{of}', strftime('%Y-%m', ended / 1000000, 'unixepoch') AS month, {of},"  # noqa: S608
                " count(*), sum(outcome = 'published'), sum(files), sum(records), sum(bytes) FROM runs GROUP BY 2, 3"
            )


def answers(index: Index, file: Path) -> None:
    failed = Wanted(["failed"], ["connection_3", "connection_9"], sort="bytes", descending=True, limit=100)
    asked: dict[str, Callable[[], object]] = {
        "list, 100 newest": partial(index.last, Wanted(sort="recorded", descending=True, limit=100)),
        "list, failed ones of two connections, by bytes": partial(index.last, failed),
        "list, 100 whose name has a text": partial(index.last, Wanted(text="99", limit=100)),
        "list, all 10,000": index.last,
        "history, 50 newest": partial(index.history, EXPORT, 50),
        "history, all 1,000": partial(index.history, ANOTHER, 1000),
        "usage by connection, 33 months": partial(index.usage, "connection"),
        "volume by connection and month, one year": partial(
            index.volume, date(2025, 3, 15), date(2026, 3, 15), ("kind", "application", "connection", "month")
        ),
        "volume by export, one year": partial(index.volume, date(2025, 3, 15), date(2026, 3, 15), ("export",)),
        "usage by export, one month": partial(index.usage, "export", "2025-06", "2025-06"),
    }
    for what, act in asked.items():
        forget(file)
        timed(f"SQLite, from the disk: {what}", act, times=1)
        timed(f"SQLite: {what}", act)

    def at_the_same_time() -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: asked["list, 100 newest"](), range(80)))

    timed("SQLite: 80 lists by 8 threads", at_the_same_time, times=1)


def forget(file: Path) -> None:
    """Drop the system's own copy of the file, so that the next read is from the disk."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def scans(days: Path) -> None:
    """The same questions to the Parquet files."""
    files = f"FROM read_parquet('{days}/*.parquet')"
    narrow = "export, max(recorded) AS seen, max_by(outcome, recorded), max_by(bytes, recorded)"
    sql = {
        "list of 4 columns, 100 newest": f"SELECT {narrow} {files} GROUP BY export ORDER BY seen DESC LIMIT 100",
        "history, 50 newest": f"SELECT * {files} WHERE export = '{EXPORT}' ORDER BY recorded DESC LIMIT 50",
        "usage by connection and month": "SELECT date_trunc('month', ended), connection, sum(records), sum(bytes)"
        f" {files} GROUP BY 1, 2",
    }
    with duckdb.connect() as database:
        for what, query in sql.items():
            timed(f"DuckDB on Parquet: {what}", partial(_fetched, database, query), times=1)
    one = ds.field("export") == EXPORT
    timed("pyarrow on Parquet: history", lambda: ds.dataset(days).to_table(filter=one), times=1)


def _fetched(database: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return database.execute(query).fetchall()


def intake(file: Path, days: Path) -> None:
    """The last days once more, as runs with other ids."""

    def moved() -> Iterator[tuple[Any, ...]]:
        for day in sorted(days.iterdir())[-SOME_DAYS:]:
            for row in _rows(pq.read_table(day)):
                values = dict(zip(COLUMNS, row, strict=False))
                values |= {"run": f"{values['run']} later", "recorded": values["recorded"] + RUNS * DAY}
                yield (*values.values(), row[-1])

    with Cache(file).opened() as database, writing(database):
        adding = Intake(database)
        adding.add(moved())
        adding.finish()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
