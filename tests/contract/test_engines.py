"""Segments over a real PostgreSQL: evaluated there, they have the members that DuckDB finds."""

# ruff: noqa: S608 - the statements are made here

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pytest

from sluice.columns.engines import of_engine
from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.project import Project, Settings
from sluice.errors import DefinitionError, FatalError
from sluice.model.access import Access, FolderAccess, SqlAccess
from sluice.refresh.evaluate import evaluate_segment, rule_of
from sluice.refresh.membership import Membership, read_keys
from sluice.refresh.pushdown import in_database, translate
from sluice.sources.postgres.kinds import UnlikeError
from sluice.sql import connect
from sluice.sql.names import names_of
from sluice.sql.spelling import respelled
from tests.contract.source_subjects import Database

NOW = datetime(2026, 11, 30, tzinfo=UTC)
TEXTS = [
    "",
    "a",
    "A",
    "b",
    "B",
    "ä",
    "Ä",
    "a ",
    " a",
    "e\u0301",
    "é",
    "ß",
    "ss",
    "Z",
    "_",
    "a%",
    "\\",
    "'",
    "\U0001f600",
    "\uffff",
]
NUMBERS = [0, 1, -1, 2, 7, 99, 100, 32767, -32768]
DOUBLES = ["0", "-0.0", "0.1", "-1.5", "1e300", "NaN", "Infinity", "-Infinity", "100"]
DECIMALS = ["0.00", "0.10", "1.50", "-1.50", "99.99", "100.00"]
DAYS = ["2026-01-01", "2026-03-29", "1969-12-31", "0001-01-01", "9999-12-31"]
TIMES = ["2026-01-01 00:00:00", "2026-03-29 02:30:00.000001", "1969-12-31 23:59:59.999999"]
ZONED = [*(f"{one}+00" for one in TIMES), "2026-01-01 01:30:00+05:30", "2025-12-31 18:30:00-05"]
COLUMNS = {
    "n": ("int", NUMBERS),
    "m": ("bigint", [*NUMBERS, 2**40]),
    "s": ("smallint", NUMBERS[:7]),
    "f": ("float8", DOUBLES),
    "d": ("numeric(7,2)", DECIMALS),
    "t": ("text", TEXTS),
    "T": ('varchar(9) collate "C"', TEXTS),
    "posix": ('text collate "POSIX"', TEXTS),
    "day": ("date", DAYS),
    "at": ("timestamp", TIMES),
    "zoned": ("timestamptz", ZONED),
    "yes": ("bool", ["true", "false"]),
}
SETUP = (
    "create role elsewhere superuser login password 'x'",
    "alter role elsewhere set timezone = 'Asia/Tokyo'",
    "alter role elsewhere set datestyle = 'SQL, DMY'",
    "alter role elsewhere set standard_conforming_strings = off",
    'create table odd (id uuid primary key, mood char(3), price numeric, ci text, until date, "a""b; -- c" int)',
    "insert into odd values ('00000000-0000-0000-0000-00000000000a', 'a', 1.5, 'a', '2026-01-01', 1),"
    " ('00000000-0000-0000-0000-00000000000b', 'b', 2.5, 'B', 'infinity', 2)",
)


def table(name: str, rows: int, chance: random.Random) -> Iterator[str]:
    listed = ", ".join(f'"{column}" {kind}' for column, (kind, _) in COLUMNS.items())
    yield f"create table {name} (id int, {listed})"
    for number in range(rows):
        values = [chance.choice([None, *values, *values]) for _, values in COLUMNS.values()]
        spelled = ["null" if one is None else "'{}'".format(str(one).replace("'", "''")) for one in values]
        yield f"insert into {name} values ({number % (rows - 3) or 'null'}, {', '.join(spelled)})"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with closing(Database()) as running:
        chance = random.Random(7)
        running.execute(*SETUP, *table("people", 120, chance), *table("orders", 40, chance))
        yield running


class World:
    """Datasets of tables and queries in one database, and one in another connection."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        user, _, rest = database.address.rpartition("@")
        assert user
        self.address = f"postgresql://elsewhere:x@{rest}"
        self._sql = SqlAccess(uri=self.address, conn_type="postgres", connect=lambda: None)

    def get(self, conn_id: str) -> Access:
        return FolderAccess(self.folder / conn_id) if conn_id == "staging" else self._sql

    def project(self, **segments: dict[str, Any]) -> Project:
        sources = {
            "people": ("id", {"table": "public.people"}, "db"),
            "orders": ("id", {"query": "select * from orders -- all;\n;"}, "db"),
            "odd": ("id", {"table": "odd"}, "db"),
            "far": ("id", {"table": "orders"}, "other"),
        }
        datasets = {
            name: Dataset.model_validate(
                {
                    "name": name,
                    "kind": "profile",
                    "key": key,
                    "source": {"type": "sql", "airflow_conn_id": conn_id, **what},
                }
            )
            for name, (key, what, conn_id) in sources.items()
        }
        declared = {
            name: Segment.model_validate({"name": name, "dataset": "people", **spec}) for name, spec in segments.items()
        }
        settings = Settings.model_validate({"staging": {"airflow_conn_id": "staging", "path": "sluice"}})
        return Project(
            settings=settings, datasets=datasets, segments=declared, refreshes={}, connections={}, exports={}
        )

    def evaluate(self, **spec: Any) -> tuple[Membership, pa.ChunkedArray]:
        project = self.project(some=spec)
        written = evaluate_segment(project, "some", self, "manual__1", NOW)
        return written, read_keys(written, project.settings.staging, self)


@pytest.fixture
def world(tmp_path: Path, database: Database) -> World:
    return World(tmp_path, database)


ALIKE = [
    {"where": "n > 5"},
    {"where": "not (t = 'a' or posix in ('B', 'ä')) and \"T\" is not null"},
    {"where": "posix < \"T\""},
    {"where": "t like 'a%' or t not like '%\\%' and t < 'Z'"},
    {"where": "t = '\\' or t = ''''"},
    {"where": "f > 0.1 and f <> 100"},
    {"where": "f = -0 or d in (1.5, 100)"},
    {"where": "day between '2026-01-01' and date '2026-12-31' and zoned < '2026-01-01 02:00:00+02'"},
    {"where": "\"at\" >= '2026-01-01' or zoned = date '2026-01-01'"},
    {"where": "yes and n + s * 2 - -m > 4"},
    {"where": "id in (select id from orders where t = 'a' or n > 3)", "reads": ["orders"]},
    {"where": "id not in (select n from orders where n is not null)", "reads": ["orders"]},
    {"where": "exists (select * from orders o where o.posix = people.posix)", "reads": ["orders"]},
    {"sql": "select p.id from people p join orders o on o.t = p.\"T\" where o.n >= p.n;", "reads": ["orders"]},
    {"sql": "select distinct a.n from orders a left join people b on a.id = b.n where b.n > 3", "reads": ["orders"]},
    {"sql": "select n from orders group by n having count(*) > 2 and max(t) > 'B' and sum(s) < 9", "reads": ["orders"]},
    {"sql": "select id from people where posix is not distinct from 'A' -- comment"},
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("spec", ALIKE, ids=lambda spec: str(next(iter(spec.values())))[:40])
def test_the_database_finds_the_members_that_duckdb_finds(world: World, spec: dict[str, Any]) -> None:
    there, members = world.evaluate(**spec, engine="database")
    here, expected = world.evaluate(**spec, engine="duckdb")
    assert (there.engine, here.engine) == ("PostgreSQL", "DuckDB")
    assert members == expected
    assert members.type == expected.type
    assert there.sql_digest == here.sql_digest


def test_any_rule_that_is_pushed_means_the_same(world: World) -> None:
    """Random conditions, joins and groups of random rows. What is refused is not compared, so most must be pushed."""
    chance, pushed, tried = random.Random(20_261_127), 0, 400
    datasets = {name: dataset for name, dataset in world.project().datasets.items() if name in ("people", "orders")}
    sources = {name: dataset.source.open(world, dataset=name) for name, dataset in datasets.items()}
    relations = {name: source.relation() for name, source in sources.items()}  # type: ignore[attr-defined]
    with connect() as engine, adbc.connect(world.address) as connection, connection.cursor() as there:
        there.execute("set timezone = 'UTC'")
        rows = {name: pa.concat_tables(one.rows_of(f"select * from {name}")) for name, one in sources.items()}  # type: ignore[attr-defined]
        names = names_of(*(held.schema for held in rows.values()))
        for name, held in rows.items():
            engine.register(name, held.rename_columns([names[own] for own in held.schema.names]))
        for _ in range(tried):
            segment = Segment.model_validate({"name": "some", "dataset": "people", **some_rule(chance)})
            rule = rule_of(segment, datasets["people"])
            with suppress(UnlikeError):
                there.execute(query := translate(rule, relations))
                pushed += 1
                here = engine.execute(respelled(engine, rule, names)).fetchall()
                assert sorted(there.fetchall(), key=str) == sorted(here, key=str), (rule, query)
    assert pushed > 0.6 * tried


def some_rule(chance: random.Random) -> dict[str, str]:
    if chance.random() < 0.7:
        return {"where": condition(chance)}
    one, two = chance.choice(list(COLUMNS)), chance.choice(list(COLUMNS))
    other = chance.choice([name for name in COLUMNS if kind(name) == kind(one)])
    sign, join = chance.choice(["=", "<>", "<", ">="]), chance.choice(["join", "left join"])
    counted = chance.choice(["count(*)", f'count(distinct "{two}")', f'max("{two}")', "sum(m)", "min(d)"])
    joined = f'select p.id from people p {join} orders o on p."{one}" {sign} o."{other}" where '
    grouped = f'select "{one}" from people group by "{one}" having {counted} {sign} '
    return (
        {"sql": joined + f'o."{two}" {sign} {constant(two, chance)} or p.id > 50'}
        if chance.random() < 0.5
        else {
            "sql": f'select id from people where "{other}" in ({grouped}{chance.choice([constant(two, chance), "2"])})'
        }
    )


def condition(chance: random.Random, depth: int = 2) -> str:
    if depth and chance.random() < 0.6:
        left, right = condition(chance, depth - 1), condition(chance, depth - 1)
        return chance.choice([f"({left} and {right})", f"({left} or {right})", f"not ({left})"])
    column = chance.choice(list(COLUMNS))
    values = ["null" if chance.random() < 0.1 else constant(column, chance) for _ in range(3)]
    name = f'"{column}"'
    other = chance.choice([one for one in COLUMNS if kind(one) == kind(column)])
    sign = chance.choice(["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"])
    forms = [
        f"{name} {sign} {values[0]}",
        f'{name} {sign} "{other}"',
        f"{name} in ({', '.join(values)})",
        f"{name} not in ({values[0]}, {values[1]})",
        f"{name} between {values[0]} and {values[1]}",
        f"{name} is {chance.choice(['', 'not '])}null",
        f'{name} {chance.choice(["", "not "])}in (select "{other}" from orders where n {sign} 3)',
        f'exists (select 1 from orders o where o."{other}" {sign} people."{column}")',
        f"n + {chance.choice(['m', 's', '-3'])} * 2 {sign} {chance.choice(NUMBERS)}",
        f"{chance.choice(['t', 'posix'])} like {constant('t', chance)}",
        f"{name} {sign} {constant(chance.choice(list(COLUMNS)), chance)}",
    ]  # fmt: skip
    return chance.choice(forms)


def kind(column: str) -> str:
    plain = COLUMNS[column][0].partition(" ")[0].partition("(")[0]
    return {"bigint": "int", "smallint": "int", "varchar": "text"}.get(plain, plain)


def constant(column: str, chance: random.Random) -> str:
    what, values = COLUMNS[column]
    value = str(chance.choice(values)).replace("'", "''")
    if what.startswith(("int", "bigint", "smallint", "bool", "float8", "numeric")):
        return chance.choice([value, "2.505", "1e2", "12345678901.123"]) if what == "numeric(7,2)" else value
    return f"'{value}'"


UNLIKE = {
    "upper(t) = 'A'": "upper()",
    "n / 2 > 1": "the operator /",
    "n % 0 = 1": "the operator %",
    "day > current_date - 30": "current_date",
    "t like 'a_'": "LIKE",
    "n = '5'": "text with whole",
    "f > n": "float with whole",
    "day > '01.02.2026'": "ISO",
    "cast(t as int) = 1": "casts",
    "t = 'a' or random() > 2": "random()",
    "id in (select id from orders limit 3)": "LIMIT",
    "case when yes then true else false end": "case",
}


@pytest.mark.parametrize("where", UNLIKE)
def test_what_may_differ_stays_in_duckdb(world: World, where: str) -> None:
    reads = ["orders"] if "orders" in where else []
    project = world.project(some={"where": where, "reads": reads})
    tables = ["people", *reads]
    segment = project.segments["some"]
    rule = rule_of(segment, project.datasets["people"])
    assert UNLIKE[where] in str(in_database(segment, rule, tables, project, world))
    with pytest.raises(DefinitionError, match="cannot be evaluated in the database"):
        in_database(segment.model_copy(update={"engine": "database"}), rule, tables, project, world)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"sql": "select id as until from odd group by id having until = 1"}, "calls something until"),
        ({"where": "mood = 'a'"}, "bpchar"),
        ({"where": "price > 2"}, "numeric"),
        ({"where": "id in (select id from far)", "dataset": "people", "reads": ["far"]}, "several connections"),
        ({"where": "id in (select id from more)", "dataset": "people", "reads": ["more"]}, "segment more"),
    ],
    ids=str,
)
def test_types_and_tables_elsewhere_stay_in_duckdb(world: World, spec: dict[str, Any], why: str) -> None:
    project = world.project(some={"dataset": "odd", **spec}, more={"where": "true"})
    segment = project.segments["some"]
    tables = [segment.dataset, *segment.reads]
    chosen = in_database(segment, rule_of(segment, project.datasets[segment.dataset]), tables, project, world)
    assert isinstance(chosen, str)
    assert why in chosen


@pytest.mark.slow
def test_a_segment_without_an_engine_goes_where_it_may(world: World) -> None:
    pushed, _ = world.evaluate(where="n > 5")
    kept, _ = world.evaluate(where="abs(n) > 5")
    assert (pushed.engine, pushed.why) == ("PostgreSQL", "")
    assert (kept.engine, kept.why) == ("DuckDB", "it uses abs()")


@pytest.mark.slow
def test_keys_of_any_type_are_written_as_they_would_be_delivered(world: World) -> None:
    _, members = world.evaluate(dataset="odd", where='ci = \'B\' and "a""b; -- c" = 2', engine="database")
    assert members.to_pylist() == ["00000000-0000-0000-0000-00000000000b"]
    assert members.type == pa.string()


@pytest.mark.slow
def test_a_mistake_is_said_as_duckdb_says_it(world: World) -> None:
    for engine in ("auto", "duckdb"):
        with pytest.raises(DefinitionError, match="nn") as error:
            world.evaluate(where="nn > 5", engine=engine)
        assert error.value.subject[:2] == ("segments", "some")


@pytest.mark.slow
def test_a_key_that_cannot_be_delivered_is_an_error_that_names_its_column(world: World) -> None:
    with pytest.raises(FatalError, match="'until' of type date holds `infinity`"):
        world.evaluate(dataset="odd", sql="select until from odd", engine="database")


def test_check_says_why_a_segment_over_one_database_stays_in_duckdb(world: World) -> None:
    project = world.project(
        types={"dataset": "odd", "where": "mood = 'a'"},
        functions={"where": "abs(n) > 5"},
        demanded={"dataset": "odd", "where": "price > 2", "engine": "database"},
        told={"where": "abs(n) > 5", "engine": "duckdb"},
        pushed={"where": "n > 5"},
        misspelt={"where": "nn > 5", "engine": "database"},
    )
    known = {
        name: dataset.source.open(world, dataset=name).columns()
        for name, dataset in project.datasets.items()
        if name in ("people", "odd")
    }
    said = {
        (finding.subject[1], finding.note): finding.what.rpartition(": ")[2]
        for segment in project.segments.values()
        for finding in of_engine(segment, project, known, world)
    }
    assert said == {
        ("types", True): "it compares mood, whose type is bpchar",
        ("functions", True): "it uses abs()",
        ("demanded", False): "it compares price, whose type is numeric",
        ("misspelt", False): "nn is no column, or not clearly one",
    }


@pytest.mark.slow
def test_no_row_is_copied_to_staging(world: World) -> None:
    written, _ = world.evaluate(where="n > 5", engine="database")
    files = {path.name for path in world.folder.rglob("*") if path.is_file()}
    assert files == {Path(written.path).name, "current.json"}


@pytest.mark.slow
def test_whole_numbers_are_exact_where_duckdb_overflows(world: World) -> None:
    with pytest.raises(FatalError, match="Overflow"):
        world.evaluate(where="n * 100000000 > 5", engine="duckdb")
    _, members = world.evaluate(where="n * 100000000 > 5", engine="database")
    _, expected = world.evaluate(where="n > 0", engine="duckdb")
    assert members == expected
