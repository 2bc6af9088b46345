"""Incremental exports of a real PostgreSQL while others write: no row is passed for good, another table is refused."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import adbc_driver_postgresql.dbapi as adbc
import pytest

from sluice.cli import main
from sluice.definition.models.catalog import CursorColumn
from sluice.doctor.clocks import database_clock
from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.model.access import SqlAccess
from sluice.sources import SOURCES
from sluice.sources.position import Position, Skipping
from sluice.sources.postgres import reach
from tests.builders import World
from tests.contract.test_incremental_sql import FILES, ids
from tests.servers.folders import folder_connection
from tests.servers.postgres import Database

ROLES = (
    "create role plain login password 'plain'",
    "create role replica superuser login password 'replica'",
    "create schema standby",
    "create function standby.pg_is_in_recovery() returns boolean language sql as 'select true'",
    "alter role replica set search_path = standby, pg_catalog, public",
    "create role stubborn superuser login password 'stubborn'",
    "alter role stubborn set default_transaction_isolation = 'repeatable read'",
)


@pytest.fixture(scope="module")
def database(database: Database) -> Database:
    database.execute(*ROLES)
    return database


@pytest.fixture
def world(tmp_path: Path, database: Database) -> World:
    """Its runs see every row that is there: their time lies ahead of the server's."""
    world = World(tmp_path, extra={}, now=datetime.now(UTC) + timedelta(days=1))
    as_role(world, database, None)
    declare(world, "{column: id}")
    with writing(database) as run:
        for statement in ("drop view if exists seen", "drop table if exists visits", "drop table if exists others"):
            run(statement)
        run("create table visits (id bigserial, at timestamptz default now(), note text)")
        run("grant select on visits to plain")
    return world


def as_role(world: World, database: Database, role: str | None) -> None:
    world.extra["db"] = database.access(role, role) if role else database.access()


def declare(world: World, incremental: str, source: str = "table: visits") -> None:
    text = FILES["catalog/datasets.yaml"].replace("{column: at}", incremental).replace("table: visits", source)
    world.declare(FILES | {"catalog/datasets.yaml": text})


Run = Callable[[str], None]


@contextmanager
def writing(database: Database) -> Iterator[Run]:
    """One transaction, committed at the end."""
    with adbc.connect(database.address.replace("+psycopg2", "")) as connection, connection.cursor() as cursor:
        yield cursor.execute
        connection.commit()


@contextmanager
def open_insert(database: Database, statement: str = "insert into visits default values") -> Iterator[Run]:
    """One transaction that has written."""
    with writing(database) as run:
        run(statement)
        yield run


@pytest.fixture
def writer(database: Database) -> Iterator[ExitStack]:
    """A transaction that has written once, and that `close` commits; so does the test's end, whatever came of it."""
    with ExitStack() as stack:
        yield stack


def insert(database: Database, rows: int = 1) -> None:
    with writing(database) as run:
        run(f"insert into visits (note) select 'x' from generate_series(1, {rows})")  # noqa: S608


def pauses(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None], patience: float = 3600) -> None:
    """What happens while open transactions are waited for, in place of time."""
    monkeypatch.setattr(reach, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: then()))
    monkeypatch.setattr(reach, "_PATIENCE", patience)


def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses(monkeypatch, lambda: pytest.fail("a transaction was waited for"))


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses(monkeypatch, lambda: None, -1)


@pytest.mark.parametrize("role", [None, "plain", "stubborn"])
def test_a_lower_number_that_is_committed_later_is_waited_for(
    world: World, database: Database, writer: ExitStack, monkeypatch: pytest.MonkeyPatch, role: str | None
) -> None:
    as_role(world, database, role)
    insert(database, 2)
    writer.enter_context(open_insert(database))
    insert(database)
    pauses(monkeypatch, lambda: [insert(database), writer.close()][0])
    world.run("visits", "r1")
    nobody_waits(monkeypatch)
    world.run("visits", "r2")
    assert (ids(world, "r1"), ids(world, "r2")) == ([1, 2, 3, 4], [5])


def test_a_writer_who_stays_delays_the_run_and_loses_nothing(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(database, 2)
    world.run("visits", "r1")
    impatient(monkeypatch)
    with open_insert(database):
        insert(database)
        with pytest.raises(RetriableError, match="dataset visits: connection db: open transactions may still add rows"):
            world.run("visits", "r2")
    world.run("visits", "r3")
    assert ids(world, "r3") == [3, 4]


@pytest.mark.parametrize("source", ["table: seen", 'query: "select * from visits where id > 0"'])
def test_writers_behind_a_view_a_query_and_a_partition_are_seen(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    with writing(database) as run:
        run("drop table visits")
        run("create table visits (id bigserial, at timestamptz default now()) partition by range (id)")
        run("create table visits_1 partition of visits for values from (1) to (1000)")
        run("create view seen as select * from visits")
    declare(world, "{column: id}", source)
    impatient(monkeypatch)
    with open_insert(database, "insert into visits_1 values (1)"), pytest.raises(RetriableError):
        world.extract("visits", "r1")


def test_writers_to_other_tables_are_not_waited_for(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(database, 2)
    nobody_waits(monkeypatch)
    with writing(database) as run:
        run("create table others (id bigint)")
    with open_insert(database, "insert into others values (1)"):
        world.run("visits", "r1")
    assert ids(world, "r1") == [1, 2]


@pytest.mark.parametrize("has_written", [True, False])
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp(0)"])
def test_a_time_of_an_open_transaction_holds_the_later_ones_back(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch, kind: str, *, has_written: bool
) -> None:
    with writing(database) as run:
        run(f"alter table visits alter at type {kind}")
        run("insert into visits (at) values (now() - interval '1 hour')")
    declare(world, "{column: at}")
    nobody_waits(monkeypatch)
    with writing(database) as run:
        run("select now()")
        if has_written:
            run("insert into visits default values")
        insert(database)
        world.run("visits", "r1")
        run("insert into visits default values")
    with writing(database) as run:
        run("select pg_sleep(3)")  # a column of whole seconds counts once they are over
    world.run("visits", "r2")
    assert ids(world, "r1") == [1]
    assert ids(world, "r2") == list(range(2, 5 if has_written else 4))


def test_a_date_of_an_open_transaction_holds_its_day_back(world: World, database: Database) -> None:
    with writing(database) as run:
        run("alter table visits alter at type date using at::date")
        run("insert into visits (at) values ((now() at time zone 'UTC')::date - 1), ((now() at time zone 'UTC')::date)")
    declare(world, "{column: at}")
    world.now += timedelta(days=3)
    with open_insert(database):
        world.run("visits", "r1")
    assert ids(world, "r1") == [1]


def test_a_role_that_is_not_shown_when_others_began_waits_for_them(
    world: World, database: Database, writer: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_role(world, database, "plain")
    declare(world, "{column: at}")
    with writing(database) as run:
        run("insert into visits (at) values (now() - interval '1 hour')")
    writer.enter_context(open_insert(database))
    impatient(monkeypatch)
    with pytest.raises(RetriableError, match="open transactions"):
        world.run("visits", "r1")
    pauses(monkeypatch, writer.close)
    world.run("visits", "r2")
    assert ids(world, "r2")[:1] == [1], "on a slow machine, the other row is old enough too"


def test_a_declared_lag_waits_for_nobody(world: World, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    insert(database, 10)
    nobody_waits(monkeypatch)
    with open_insert(database):
        declare(world, "{column: id, behind: 3}")
        world.run("visits", "r1")
        insert(database)
    world.run("visits", "r2")
    assert (ids(world, "r1"), ids(world, "r2")) == ([1, 2, 3, 4, 5, 6, 7], [8, 9])
    with open_insert(database):
        declare(world, "{column: at, late: 0s}")
        world.run("visits", "r3", mode="full")
    assert ids(world, "r3") == list(range(1, 13))


def test_a_lag_of_numbers_is_for_numbers(world: World, database: Database) -> None:
    insert(database)
    declare(world, "{column: at, behind: 3}")
    with pytest.raises(DefinitionError, match="`behind` needs whole numbers"):
        world.extract("visits", "r1")


@pytest.mark.parametrize("column", ["id", "at"])
def test_a_standby_is_refused_unless_a_lag_is_declared(world: World, database: Database, column: str) -> None:
    as_role(world, database, "replica")
    insert(database)
    declare(world, f"{{column: {column}}}")
    with pytest.raises(FatalError, match="this server is a standby"):
        world.extract("visits", "r1")
    declare(world, "{column: id, behind: 0}")
    world.run("visits", "r2")
    assert ids(world, "r2") == [1]


def doubts(world: World, column: str, **source: str) -> list[str]:
    config = SOURCES["sql"].model_validate({"type": "sql", "airflow_conn_id": "db", **source})
    opened = config.open(world, dataset="visits")
    assert isinstance(opened, Skipping)
    return opened.doubts(column)


def test_what_cannot_be_safe_is_told(world: World, database: Database) -> None:
    assert doubts(world, "id", table="visits") == doubts(world, "at", table="visits") == []
    assert doubts(world, "id", query="select * from visits") == []
    with writing(database) as run:
        run("alter sequence visits_id_seq cache 50")
    (cached,) = doubts(world, "id", table="visits")
    assert "caches 50 numbers of the sequence" in cached
    with writing(database) as run:
        run("alter table visits alter id drop default, alter at drop default")
    assert "gets its numbers from the writer of the row" in doubts(world, "id", table="visits")[0]
    assert "gets its time from the writer of the row" in doubts(world, "at", table="visits")[0]
    as_role(world, database, "replica")
    assert "is a standby" in doubts(world, "at", table="visits")[0]
    world.extra["db"] = SqlAccess(uri="sqlite://", conn_type="sqlite", connect=lambda: None)
    (unseen,) = doubts(world, "id", table="visits")
    assert "a database of type sqlite; declare `late`" in unseen


def test_check_connect_warns_of_it(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)  # Airflow logs into what pytest has closed
    monkeypatch.setenv("AIRFLOW_CONN_DB", database.address.replace("postgresql+psycopg2", "postgres"))
    monkeypatch.setenv("AIRFLOW_CONN_OUT", folder_connection(world.root / "out"))
    with writing(database) as run:
        run("alter sequence visits_id_seq cache 50")
    assert main(["check", "--include", str(world.include), "--connect"]) == 0
    assert "warning: visits: rows may be skipped and never delivered: each session caches 50" in capsys.readouterr().err
    declare(world, "{column: id, behind: 1000}")
    assert main(["check", "--include", str(world.include), "--connect"]) == 0
    assert "may be skipped" not in capsys.readouterr().err


ANOTHER = {
    "made again": ["drop table visits", "create table visits (id bigserial, at timestamptz default now(), note text)"],
    "restarted": ["truncate visits restart identity"],
    "restarted by hand": ["delete from visits", "alter sequence visits_id_seq restart"],
}


@pytest.mark.parametrize("way", ANOTHER)
@pytest.mark.parametrize("rows", [3, 50], ids=["fewer rows", "more rows"])
def test_another_table_is_refused_and_a_full_run_starts_again(
    world: World, database: Database, way: str, rows: int
) -> None:
    insert(database, 10)
    world.run("visits", "r1")
    with writing(database) as run:
        for statement in ANOTHER[way]:
            run(statement)
    insert(database, rows)
    with pytest.raises(FatalError, match=r"is not the table that was delivered last|has gone back") as refused:
        world.run("visits", "r2")
    assert "`sluice run EXPORT --mode full`" in refused.value.next_step
    world.run("visits", "r3", mode="full")
    insert(database)
    world.run("visits", "r4")
    assert (ids(world, "r3"), ids(world, "r4")) == (list(range(1, rows + 1)), [rows + 1])


def test_numbers_without_a_sequence_that_go_back_are_refused(world: World, database: Database) -> None:
    with writing(database) as run:
        run("alter table visits alter id drop default")
        run("drop sequence visits_id_seq")
        run("insert into visits values (10)")
    world.run("visits", "r1")
    with writing(database) as run:
        run("update visits set id = 1")
    with pytest.raises(FatalError, match='id of "visits" has gone back: the last delivery stopped at 10'):
        world.run("visits", "r2")


def test_an_emptied_table_whose_numbers_go_on_is_the_same(world: World, database: Database) -> None:
    insert(database, 10)
    world.run("visits", "r1")
    with writing(database) as run:
        run("truncate visits")
    world.run("visits", "r2")
    insert(database)
    world.run("visits", "r3")
    assert (ids(world, "r2"), ids(world, "r3")) == ([], [11])


def test_positions_of_before_say_no_table_and_hold(world: World, database: Database) -> None:
    insert(database, 10)
    world.run("visits", "r1")
    position = world.watermarks["visits"]["feeds"]["visits"]
    assert position["table"]
    del position["table"]
    assert Position.model_validate(position).table is None
    insert(database)
    world.run("visits", "r2")
    assert ids(world, "r2") == [11]


def test_a_declared_lag_of_none_is_a_lag() -> None:
    assert not CursorColumn.model_validate({"column": "id"}).waits
    assert CursorColumn.model_validate({"column": "id", "behind": 0}).waits


def test_the_clock_of_the_database_is_compared(world: World) -> None:
    clock = database_clock("db", world)
    assert clock is not None
    assert clock.owner == "the database of db"
    assert abs(clock.ahead) < 5
    assert database_clock("lake", world) is None
