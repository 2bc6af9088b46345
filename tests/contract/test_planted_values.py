"""A value is planted in a row that fails: it stands in no page and in nothing that Airflow logs of the error."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from airflow.sdk._shared.logging.structlog import structlog_processors

from sluice.airflow.project import verdicts
from sluice.columns.schemas import read_schemas
from sluice.definition.models.catalog import Dataset
from sluice.definition.models.fields import FieldSpec
from sluice.errors import DefinitionError, FatalError, RetriableError, SluiceError
from sluice.foreign import said, without_literals, without_values
from sluice.formats import FORMATS
from sluice.formats.base import declared
from sluice.mapping.mapper import compile_fields
from sluice.model.access import SqlAccess
from sluice.sources import SOURCES
from sluice.sources.databases import query_rows
from sluice.sources.selection import select
from sluice.sources.sql import Sql, SqlSource
from tests.contract.source_subjects import SUBJECTS, Lake
from tests.servers.postgres import Database
from tests.unit.refresh.test_evaluate import World

PLANTED = "ann.zyxw@example.com"
NUMBER = 4711081547110815
POSTGRES = "sql-postgres"


def logged(act: Callable[[], object]) -> tuple[str, BaseException]:
    """Everything that Airflow logs of the error that ends a task, and the error."""
    try:
        with verdicts():
            act()
    except Exception as error:  # as Airflow's task runner does
        processors, _ = structlog_processors(json_output=True)[:2]
        event: Any = {"event": "Task failed with exception", "exc_info": (type(error), error, error.__traceback__)}
        for processor in processors:
            if "exc" in repr(processor).lower() or "Exception" in type(processor).__name__:
                event = processor(None, "error", event)
        assert "exc_info" not in event, "the log has the error itself"
        return json.dumps(event, default=str) + str(error), error
    raise AssertionError("nothing failed")


def proves(act: Callable[[], object]) -> BaseException:
    text, error = logged(act)
    for value in (PLANTED, str(NUMBER), "zyxw"):
        assert value not in text, text
    return error


@pytest.fixture
def lake(tmp_path: Path, database: Database) -> Lake:
    made = Lake(tmp_path, database)
    next(subject for subject in SUBJECTS if str(subject) == POSTGRES).put(made, pa.table({"mail": [PLANTED]}))
    return made


LATE = "select case when n < 400000 then n else (mail || n)::int end as n from people, generate_series(1, 500000) t(n)"


@pytest.mark.parametrize(
    ("query", "kind", "says"),
    [
        ("select mail::int from people", FatalError, "SQLSTATE 22P02 (invalid text representation)"),
        ("select to_date(mail, 'YYYY') from people", FatalError, "SQLSTATE 22007"),
        (f"select '{PLANTED}'::jsonb", FatalError, "SQLSTATE 22P02 (invalid text representation), in line 1"),
        (f"select {NUMBER}::int4", FatalError, "SQLSTATE 22003 (numeric value out of range)"),
        (f"select nope\nfrom people where mail = '{PLANTED}'", DefinitionError, "42703 (undefined column): nope"),
        (f"selec '{PLANTED}'", DefinitionError, "SQLSTATE 42601 (syntax error), in line 1"),
        (f"select nowhere($q${PLANTED}$q$)", DefinitionError, "SQLSTATE 42883 (undefined function)"),
        ("select (select mail from people, generate_series(1, 2))", FatalError, "SQLSTATE 21000"),
        (f"select loud('{PLANTED}', 'P0001')", FatalError, "SQLSTATE P0001 (raise exception)"),
        (f"select loud('{PLANTED}', '42703')", DefinitionError, "SQLSTATE 42703"),
        (LATE, FatalError, "SQLSTATE 22P02"),
        ("select array[[mail]] as mails from people", FatalError, "column 'mails' of type text[] holds an array"),
        ("select mail, 'infinity'::date as day from people", FatalError, "column 'day' of type date holds `infinity`"),
        ("select mail, 'NaN'::numeric(5, 2) as x from people", FatalError, "column 'x' of type numeric holds `NaN`"),
    ],
)  # fmt: skip
def test_postgres_tells_its_code_and_names_of_the_query(lake: Lake, query: str, kind: type, says: str) -> None:
    """D3: message, DETAIL, CONTEXT, LINE and the query itself hold values. Classes 22 and 42 are not tried again."""
    lake.database.execute(
        "create or replace function loud(what text, code text) returns int language plpgsql as "
        "$$ begin raise exception 'no: %', what using errcode = code, detail = what, column = what; end $$"
    )
    source = SOURCES["sql"].model_validate({"type": "sql", "airflow_conn_id": "lake", "query": query})
    error = proves(lambda: source.open(lake, dataset="people").pin(lake.spool))
    assert isinstance(error.__cause__, kind), repr(error.__cause__)
    assert says in str(error)


@pytest.fixture
def growing(lake: Lake) -> Iterator[Sql]:
    """A table with numbers of somebody else's, and a text of theirs as a default."""
    lake.database.execute(
        f"create table accounts as select {NUMBER} as id, '{PLANTED}'::text as mail",
        f"alter table accounts alter mail set default '{PLANTED}'",
    )
    yield Sql.model_validate({"type": "sql", "airflow_conn_id": "lake", "table": "accounts"})
    lake.database.execute("drop table accounts")


@pytest.mark.parametrize(
    ("column", "at", "kind", "says"),
    [
        ("id", "9" * 17, FatalError, f'id of "accounts" has gone back: the last delivery stopped at {"9" * 17}'),
        ("mail", "7", DefinitionError, "SQLSTATE 42883 (undefined function)"),
        ("nope", "7", DefinitionError, "SQLSTATE 42703 (undefined column): nope"),
    ],
)
def test_a_growing_table_tells_no_value(lake: Lake, growing: Sql, column: str, at: str, kind: type, says: str) -> None:
    """What is there now is a customer's; where the last delivery stopped stands in its manifest."""
    source = growing.open(lake, dataset="accounts").above(column, at).settled(column)
    error = proves(lambda: source.pin(lake.spool))
    assert says in str(error)
    assert isinstance(error.__cause__, kind)


@pytest.mark.parametrize("column", ["id", "mail"])
def test_doubts_about_a_column_tell_no_default(lake: Lake, growing: Sql, column: str) -> None:
    doubts = " ".join(growing.open(lake, dataset="accounts").doubts(column))
    assert column in doubts
    assert PLANTED not in doubts


def test_a_source_that_cannot_show_its_columns_tells_no_value(
    lake: Lake, growing: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    def columns(_: object) -> None:
        raise ValueError(f"no date: '{PLANTED}'")

    dataset = Dataset(name="accounts", kind="account", source=growing, key="id")
    monkeypatch.setattr(SqlSource, "columns", columns)
    (page,) = (error.page() for error in read_schemas([dataset], lake).unread.values())
    assert "dataset accounts: its columns cannot be read: ValueError: no date" in page
    assert PLANTED not in page


def test_psycopg_tells_as_little(lake: Lake) -> None:
    import psycopg2

    address = lake.database.address.replace("+psycopg2", "")
    access = SqlAccess(uri="other://", conn_type="other", connect=lambda: psycopg2.connect(address))
    error = proves(lambda: list(query_rows(access, "select mail::int from people", origin="here")))
    assert "here: SQLSTATE 22P02 (invalid text representation)" in str(error)
    assert isinstance(error.__cause__, FatalError)


def shouting(_: object) -> None:
    raise ValueError(PLANTED)


@pytest.mark.parametrize(
    ("query", "kind", "says"),
    [
        ("select nope from people", DefinitionError, "OperationalError: no such column (SQLITE_ERROR): nope"),
        ("select 'ann.zyxw@example.com', n from nowhere", DefinitionError, "no such table (SQLITE_ERROR): nowhere"),
        (f"select '{PLANTED}' '{PLANTED}' x y", DefinitionError, "syntax error"),
        ("select json_extract(mail, '$.a') from people", FatalError, "OperationalError: malformed JSON"),
        ("select shout(mail) from people", FatalError, "OperationalError (SQLITE_ERROR)"),
        ("select mail from people union all select 1", FatalError, ""),
    ],
)
def test_a_db_api_driver_tells_its_code_and_names_of_the_query(query: str, kind: type, says: str) -> None:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        connection.create_function("shout", 1, shouting)
        connection.execute("create table people (mail text)")
        connection.execute("insert into people values (?)", [PLANTED])
        return connection

    access = SqlAccess(uri="sqlite://", conn_type="sqlite", connect=connect)
    if not says:
        assert next(iter(query_rows(access, query, origin="here"))).num_rows == 2  # a mixed column comes as text
        return
    error = proves(lambda: list(query_rows(access, query, origin="here")))
    assert says in str(error)
    assert kind.__name__ in repr(error) + repr(error.__cause__)


SHOUTS = ["error(mail)", "error('x\n\nLINE 1: ' || mail || '\n ^')", "error('Conversion Error: ' || mail)"]
"""What a field may not do: the value would not be the row's own."""
FAILS = [
    *("cast(mail as int)", "strptime(mail, '%Y')", "json_extract(mail, '$.a')", "cast(mail as uuid)", "mail::date"),
    *("date_trunc(mail, timestamp '2026-01-01')", "timezone(mail, timestamp '2026-01-01')", "cast(mail as bit)"),
    *("regexp_matches('a', mail || '[')", "unhex(mail)", "from_base64(mail)", "mail::int[]", "cast(mail as enum('a'))"),
    *("n::smallint", "n * n * n", "make_date(n, 1, 1)", "mail::struct(a int)", "format(mail || '{}')"),
    *("map([mail, mail], [1, 2])", f"case when mail = '{PLANTED}' then mail::int end"),
]
ROWS = pa.table({"mail": [PLANTED], "n": pa.array([NUMBER])})


@pytest.mark.parametrize("sql", FAILS)
def test_a_field_tells_no_value(sql: str) -> None:
    mapper = compile_fields([FieldSpec(**{"sql": sql, "as": "x"})], ROWS.schema, dataset="people")
    error = proves(lambda: mapper.apply(ROWS))
    assert " Error" in str(error), "what kind of error it was"


@pytest.mark.parametrize("sql", FAILS)
def test_a_required_field_tells_no_value(sql: str, tmp_path: Path, database: Database) -> None:
    lake = Lake(tmp_path, database)
    folder = lake.folder / "people"
    folder.mkdir()
    pq.write_table(ROWS, folder / "1.parquet")
    config = {"type": "parquet", "airflow_conn_id": "lake", "path": "people"}
    source = SOURCES["parquet"].model_validate(config).open(lake, dataset="people")
    proves(lambda: list(select(source, source.pin(), key="mail", keys=None, required=[sql])))


@pytest.mark.parametrize("sql", SHOUTS + [sql.replace("n::", "id::") for sql in FAILS if "n *" not in sql])
def test_a_segment_tells_no_value(sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = pa.table({"id": pa.array([NUMBER]), "mail": [PLANTED]})
    monkeypatch.setattr("tests.unit.refresh.test_evaluate.PEOPLE", people)
    world = World(tmp_path)
    project = world.project(broken={"where": f"({sql.replace('(n,', '(id,')}) is null"})
    proves(lambda: world.evaluate(project, "broken"))


TWINS = pa.table({"mail": ["fine"], "Mail": [PLANTED], "id": pa.array([NUMBER])})


def test_columns_that_differ_in_case_alone_tell_no_value(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine fails on a statement that is spelled anew."""
    lake, sql = Lake(tmp_path, database), "cast(Mail as int)"
    (lake.folder / "people").mkdir()
    pq.write_table(TWINS, lake.folder / "people" / "1.parquet")
    config = {"type": "parquet", "airflow_conn_id": "lake", "path": "people"}
    source = SOURCES["parquet"].model_validate(config).open(lake, dataset="people")
    monkeypatch.setattr("tests.unit.refresh.test_evaluate.PEOPLE", TWINS)
    world = World(tmp_path / "world")
    project = world.project(broken={"where": f"{sql} is null"})
    mapper = compile_fields([FieldSpec(**{"sql": sql, "as": "x"})], TWINS.schema, dataset="people")
    for act in (
        lambda: mapper.apply(TWINS),
        lambda: list(select(source, source.pin(), key="id", keys=None, required=[sql])),
        lambda: world.evaluate(project, "broken"),
    ):
        assert "Conversion Error: Could not convert string" in str(proves(act))


def test_a_corrupt_file_tells_no_value(tmp_path: Path, database: Database) -> None:
    """Text that is not UTF-8, in Parquet files read as they are and in those of a Delta table."""
    import deltalake

    lake = Lake(tmp_path, database)
    bad = pa.array([b"\xff" + PLANTED.encode()]).view(pa.string())
    (lake.folder / "people").mkdir()
    pq.write_table(pa.table({"mail": bad}), lake.folder / "people" / "1.parquet")
    deltalake.write_deltalake(str(lake.folder / "delta"), pa.table({"mail": ["good"]}))
    pq.write_table(pa.table({"mail": bad}), next((lake.folder / "delta").glob("*.parquet")))
    for kind, path in (("parquet", "people"), ("delta", "delta")):
        config = {"type": kind, "airflow_conn_id": "lake", "path": path}
        source = SOURCES[kind].model_validate(config).open(lake, dataset="people")
        pinned = source.pin(lake.spool)
        error = proves(lambda: [list(source.read(pinned, piece, None)) for piece in pinned.slices])  # noqa: B023
        assert "column 'mail'" in str(error)


CASTS: list[tuple[pa.Array, pa.DataType]] = [
    (pa.array([PLANTED]), pa.int32()),
    (pa.array([PLANTED]), pa.timestamp("us")),
    (pa.array([NUMBER]), pa.int32()),
    (pa.array([NUMBER * 10.0**9]), pa.int64()),
    (pa.array([NUMBER], pa.timestamp("us")), pa.timestamp("s")),
    (pa.array([b"\xff" + PLANTED.encode()]), pa.string()),
]


@pytest.mark.parametrize(("column", "kind"), CASTS, ids=[str(kind) for _, kind in CASTS])
def test_a_cast_tells_no_value(column: pa.Array, kind: pa.DataType) -> None:
    proves(lambda: declared(pa.table({"x": column}), pa.schema([("x", kind)])))
    proves(lambda: pc.cast(column, kind))


ODD = {
    "text": pa.array([PLANTED + "\U0001f600"]),
    "nan": pa.array([float("nan")]),
    "past": pa.array([2**62], pa.timestamp("us")),
    "decimal": pa.array([None], pa.decimal256(70, 2)),
}


@pytest.mark.parametrize("name", sorted(ODD))
@pytest.mark.parametrize("form", sorted(FORMATS))
def test_a_format_tells_no_value(form: str, name: str) -> None:
    """Each that cannot hold a row says so of its column."""
    rows = pa.table({"x": ODD[name], "mail": [PLANTED]})
    config: dict[str, Any] = {"type": form}
    config |= {"template": "%1%|%2%\n"} if form == "template" else {}
    config |= {"encoding": "latin-1"} if form == "csv" else {}

    def write() -> None:
        made = FORMATS[form].model_validate(config)
        encoder = made.encoder(rows.schema)
        list(encoder.write(rows))
        list(encoder.close())
        raise FatalError("it was written")

    proves(write)


@pytest.mark.parametrize(
    "error",
    [
        KeyError(PLANTED),
        ValueError(f"invalid literal for int() with base 10: '{PLANTED}'"),
        OSError(f"Invalid Input Error: {PLANTED}"),
        OSError(f"Conversion Error: Could not convert string '{PLANTED}' to INT32"),
        RuntimeError(f"Kernel error: Arrow: Cast error: Cannot cast string '{PLANTED}' to value of Int32 type"),
        RuntimeError(f"Parser error: {PLANTED} is no date"),
        TypeError(f"unsupported: {PLANTED}"),
    ],
)
def test_a_cause_of_a_library_s_tells_no_value(error: Exception) -> None:
    """As the cause, as the context, and as an error that nobody foresaw."""

    def caused() -> None:
        try:
            raise error
        except Exception as cause:
            raise RetriableError("it failed") from cause

    def within() -> None:
        try:
            raise error
        except Exception:
            raise FatalError("it failed")  # noqa: B904 - the context, this time

    def unforeseen() -> None:
        raise error

    proves(caused)
    proves(within)
    told = proves(unforeseen)
    assert isinstance(told, RetriableError)
    assert said(error) in str(told)


def test_the_place_of_a_library_s_error_stays() -> None:
    def failing() -> None:
        int(PLANTED)

    text, _ = logged(failing)
    assert '"failing"' in text
    assert "ForeignError" in text


def test_literals_keep_their_room() -> None:
    sql = "select a, 'it''s', $$x 'y'$$, $t$ z $t$, \"b'\" from c where d = 'open"
    assert len(without_literals(sql)) == len(sql)
    assert "it" not in without_literals(sql)
    assert "open" not in without_literals(sql)
    assert isinstance(without_values(SluiceError("ours")), SluiceError)
    assert said(SluiceError("ours")) == "ours"
