"""Segments that another engine evaluates have the members that DuckDB finds: PostgreSQL over its own tables, and Spark
over files. One exam for both; what only one of them does comes after it."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sluice.cli import main
from sluice.columns.engines import of_engine
from sluice.definition.models.catalog import Segment
from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.filesystem import open_filesystem
from sluice.model.access import FolderAccess, SparkAccess
from sluice.refresh.evaluate import rule_of
from sluice.refresh.pushdown import in_database
from sluice.refresh.spark.cluster import on_cluster
from sluice.sources.base import Columns
from sluice.sql import connect
from sluice.sql.names import names_of
from sluice.sql.spelling import respelled
from sluice.sql.translation.spelling import UnlikeError
from tests.contract.engine_cases import ALIKE, UNLIKE, some_rule
from tests.contract.engine_worlds import InPostgres, InSpark, Place, World
from tests.contract.source_subjects import SUBJECTS, Database, Lake, Subject
from tests.servers import s3, spark
from tests.servers.fleet import Fleet
from tests.servers.process import free_port


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with closing(Database()) as running:
        yield running


@pytest.fixture(scope="module")
def in_postgres(database: Database) -> InPostgres:
    return InPostgres(database)


@pytest.fixture(scope="module")
def in_spark(tmp_path_factory: pytest.TempPathFactory, fleet: Fleet) -> Iterator[InSpark]:
    """By an Airflow connection, as every refresh finds it."""
    with spark.server(tmp_path_factory.mktemp("spark")) as port, ExitStack() as running:
        declared = {"conn_type": "spark_connect", "host": "sc://127.0.0.1", "port": port, "login": "ann"}
        server = fleet.get(fleet.connect("spark_cluster", json.dumps(declared)))
        assert isinstance(server, SparkAccess)
        yield InSpark(server, tmp_path_factory.mktemp("lake"), running)


@pytest.fixture(params=["in_postgres", "in_spark"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def world(tmp_path: Path, in_postgres: InPostgres) -> World:
    return in_postgres.world(tmp_path)


@pytest.fixture
def lake(tmp_path: Path, in_spark: InSpark) -> World:
    return in_spark.world(tmp_path)


SPARK = InSpark.demanded


@pytest.mark.slow
@pytest.mark.parametrize("spec", ALIKE, ids=lambda spec: str(next(iter(spec.values())))[:40])
def test_an_engine_finds_the_members_that_duckdb_finds(place: Place, tmp_path: Path, spec: dict[str, Any]) -> None:
    world = place.world(tmp_path)
    there, members = world.evaluate(**spec, engine=place.demanded)
    here, expected = world.evaluate(**spec, engine="duckdb")
    assert there.engine.startswith(place.name)
    assert here.engine == "DuckDB"
    assert members == expected
    assert members.type == expected.type
    assert there.sql_digest == here.sql_digest


@pytest.mark.slow
def test_any_rule_that_is_translated_means_the_same(place: Place, tmp_path: Path) -> None:
    """Random conditions, joins and groups of random rows. What is refused is not compared, so most must be."""
    chance, tried, batch = random.Random(20_261_127), place.tried, 25
    world = place.world(tmp_path)
    people = world.project().datasets["people"]
    rules, queries = [], []
    for _ in range(tried):
        rule = rule_of(Segment.model_validate({"name": "some", "dataset": "people", **some_rule(chance)}), people)
        with suppress(UnlikeError):
            queries.append(place.translated(rule))
            rules.append(rule)
    assert len(rules) > 0.6 * tried
    found = [keys for at in range(0, len(queries), batch) for keys in place.answers(queries[at : at + batch])]
    with connect() as engine:
        held = {name: place.rows(name) for name in ("people", "orders")}
        names = names_of(*(table.schema for table in held.values()))
        for name, table in held.items():
            engine.register(name, table.rename_columns([names[own] for own in table.schema.names]))
        for rule, query, keys in zip(rules, queries, found, strict=True):
            here = [row[0] for row in engine.execute(respelled(engine, rule, names)).fetchall()]
            assert sorted(keys, key=str) == sorted(here, key=str), (rule, query)


@pytest.mark.parametrize("where", UNLIKE)
def test_what_may_differ_is_not_translated(place: Place, tmp_path: Path, where: str) -> None:
    reads = ["orders"] if "orders" in where else []
    world = place.world(tmp_path)
    project = world.project(some={"where": where, "reads": reads, "engine": place.demanded})
    known = {name: Columns(place.rows(name).schema) for name in ("people", "orders")}
    (finding,) = of_engine(project.segments["some"], project, known, world)
    assert f"cannot be evaluated in {place.called}" in finding.what
    assert UNLIKE[where] in finding.what
    assert not finding.note


@pytest.mark.slow
def test_whole_numbers_are_exact_where_duckdb_overflows(place: Place, tmp_path: Path) -> None:
    world = place.world(tmp_path)
    with pytest.raises(FatalError, match="Overflow"):
        world.evaluate(where="n * 100000000 > 5", engine="duckdb")
    _, members = world.evaluate(where="n * 100000000 > 5", engine=place.demanded)
    _, expected = world.evaluate(where="n > 0", engine="duckdb")
    assert members == expected


@pytest.mark.slow
@pytest.mark.parametrize("spec", [{"where": "nn > 5"}, {"sql": "select idd from people"}], ids=str)
def test_a_mistake_is_an_error_of_the_segment(place: Place, tmp_path: Path, spec: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match=r"nn|idd") as error:
        place.world(tmp_path).evaluate(**spec, engine=place.demanded)
    assert error.value.subject[:2] == ("segments", "some")


# PostgreSQL


@pytest.mark.parametrize("where", UNLIKE)
def test_what_may_differ_stays_in_duckdb(world: World, where: str) -> None:
    reads = ["orders"] if "orders" in where else []
    project = world.project(some={"where": where, "reads": reads})
    tables = ["people", *reads]
    segment = project.segments["some"]
    assert UNLIKE[where] in str(
        in_database(segment, rule_of(segment, project.datasets["people"]), tables, project, world)
    )


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
    assert files_below(world.folder) == {Path(written.path).name, "current.json"}


def files_below(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


# Spark


@pytest.mark.slow
def test_a_cluster_writes_the_keys_to_staging_and_leaves_nothing_else(lake: World) -> None:
    written, members = lake.evaluate(where="n > 5", engine=SPARK)
    assert written.moved == "the cluster wrote its keys to staging"
    assert written.evaluated == f"in {written.engine}; the cluster wrote its keys to staging"
    assert written.records == len(members) > 0
    assert files_below(lake.folder) == {Path(written.path).name, "current.json"}


@pytest.mark.slow
@pytest.mark.parametrize("where", ["n > 5", "n > 5 and n < 5"], ids=["some", "none"])
def test_keys_come_over_the_connection_if_the_cluster_does_not_see_staging(
    lake: World, fleet: Fleet, where: str
) -> None:
    _, expected = lake.evaluate(where=where, engine=SPARK)
    lake.access["staging"] = fleet.get(fleet.connect("spark_staging", s3.connection(fleet.ministack)))
    lake.path = s3.BUCKET
    written, members = lake.evaluate(where=where, engine=SPARK)
    assert written.moved == "its keys came over Spark Connect, as it does not see staging"
    assert members == expected
    assert members.type == expected.type


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False], ids=["in their files", "sent"])
def test_a_segment_reads_another_one(lake: World, fleet: Fleet, shared: bool) -> None:
    spec = {"where": "n > 1 or id in (select id from rich)", "reads": ["rich"]}
    before = {"rich": {"where": "m > 99", "engine": "duckdb"}}
    _, expected = lake.evaluate(**spec, before=before, engine="duckdb")
    if not shared:
        lake.access["staging"] = fleet.get(fleet.connect("spark_staging", s3.connection(fleet.ministack)))
        lake.path = s3.BUCKET
    _, members = lake.evaluate(**spec, before=before, engine=SPARK)
    assert members == expected


CITIES = ["Paris", "a/b=c", "100%", "x y", "[a-b]{c}*?", "Zürich", None]
ROWS = pa.table(
    {
        "id": pa.array(range(400), pa.int64()),
        "city": [CITIES[number % len(CITIES)] for number in range(400)],
        "f": [float("nan") if number % 50 == 0 else number / 1000 for number in range(400)],
    }
)


@pytest.mark.slow
@pytest.mark.parametrize("subject", [one for one in SUBJECTS if one.type != "sql"], ids=str)
def test_a_cluster_reads_what_the_worker_has_pinned(in_spark: InSpark, tmp_path: Path, subject: Subject) -> None:
    files = Lake(tmp_path, cast("Database", None))
    in_folders = subject.variant in ("hive", "partitioned")
    subject.put(files, ROWS.filter(pc.field("city") != "Zürich") if in_folders else ROWS)
    world = in_spark.world(tmp_path)
    world.access |= {"lake": FolderAccess(files.folder)} | files.more
    world.sources["people"] = ("id", {"type": subject.type, "airflow_conn_id": "lake", **subject.declared})
    for where in ("f > 0.39 and city <> 'Paris'", "city is null or city in ('a/b=c', '[a-b]{c}*?')"):
        if subject.copies:
            with pytest.raises(FatalError, match="cannot be pinned in place"):
                world.evaluate(where=where, engine=SPARK)
        else:
            _, expected = world.evaluate(where=where, engine="duckdb")
            there, members = world.evaluate(where=where, engine=SPARK)
            assert there.engine.startswith("Spark")
            assert members == expected
            assert len(members) > 0


def written_below(lake: World, name: str, table: pa.Table) -> Path:
    """A dataset `people` of one file, in a lake of this test."""
    path = lake.folder / "own" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    lake.access["lake"] = FolderAccess(lake.folder / "own")
    lake.sources["people"] = ("id", {"type": "parquet", "airflow_conn_id": "lake", "path": name.partition("/")[0]})
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["_people.parquet", "people/city=Z%C3%BCrich/1.parquet"])
def test_what_a_cluster_reads_in_its_own_way_is_refused(lake: World, name: str) -> None:
    """Spark skips files by their names, and takes each byte of a folder's value for a character."""
    written_below(lake, name, ROWS.select(["id"]))
    assert len(lake.evaluate(where="id > 5", engine="duckdb")[1]) == 394
    with pytest.raises(FatalError, match="not the 400 that the worker has pinned"):
        lake.evaluate(where="id > 5", engine=SPARK)


@pytest.mark.slow
def test_a_file_that_changes_meanwhile_stops_the_refresh(lake: World) -> None:
    path = written_below(lake, "people/1.parquet", ROWS)
    project = lake.project(some={"where": "id > 5", "engine": SPARK})
    segment, staging = project.segments["some"], open_filesystem(lake, "staging", "sluice")
    rule = rule_of(segment, project.datasets["people"])
    running = on_cluster(segment, rule, ["people"], project, lake, staging)
    assert running.__enter__().engine.startswith("Spark")
    pq.write_table(ROWS.slice(1), path)
    with pytest.raises(FatalError, match="overwritten or removed while Spark read them"):
        running.__exit__(None, None, None)


@pytest.mark.slow
def test_an_overflow_is_an_error_that_shows_no_value(lake: World) -> None:
    written_below(lake, "people/1.parquet", pa.table({"id": [1], "n": [2**62], "m": [2**62]}))
    with pytest.raises(FatalError, match=r"SQLSTATE 22003") as raised:
        lake.evaluate(where="n * m > 5", engine=SPARK)
    assert str(2**124) not in str(raised.value.page())
    assert raised.value.__cause__ is None


@pytest.mark.slow
def test_times_of_older_writers_are_read_alike(lake: World) -> None:
    times = pa.array([datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(3)], pa.timestamp("us", "UTC"))
    path = written_below(lake, "people/1.parquet", ROWS)
    table = pa.table({"id": [1, 2, 3], "at": times.cast(pa.timestamp("us"))})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    where = "\"at\" > '2026-01-01 00:00:01'"
    assert lake.evaluate(where=where, engine=SPARK)[1] == lake.evaluate(where=where, engine="duckdb")[1]


def test_a_server_that_is_down_may_be_up_later(lake: World) -> None:
    lake.access["cluster"] = SparkAccess(host="127.0.0.1", port=free_port())
    with pytest.raises(RetriableError, match=r"connection cluster: 127\.0\.0\.1:\d+ is unreachable"):
        lake.evaluate(where="n > 5", engine=SPARK)


def test_a_connection_of_another_type_is_no_cluster(lake: World) -> None:
    lake.access["cluster"] = FolderAccess(lake.folder)
    with pytest.raises(DefinitionError, match="connection cluster is not a Spark cluster") as raised:
        lake.evaluate(where="n > 5", engine=SPARK)
    assert "spark_connect" in raised.value.next_step


HOSTILE = ("a`b", "a.b", 'a"b', "a b", "Ä", "ä", "select", "x -- y", "${z}", "a\\b")
KEYS: dict[str, pa.Array] = {
    "text": pa.array(["ß", "ss", "Z", None, "ss"]),
    "day": pa.array(["0001-01-01", "9999-12-31", None, "2026-01-01", "2026-01-01"]).cast(pa.date32()),
    "price": pa.array(["1.50", "-1.50", None, "0.00", "1.50"]).cast(pa.decimal128(7, 2)),
    "ratio": pa.array([float("nan"), 0.0, -0.5, None, float("nan")]),
    "at": pa.array(["2026-01-01 00:00:00Z", None, None, "1969-12-31 23:59:59Z", None]).cast(pa.timestamp("us", "UTC")),
    "wide": pa.array([1, 2, None, 3, 3], pa.int8()),
}


@pytest.mark.slow
def test_columns_may_have_any_name(lake: World) -> None:
    table = pa.table({"id": [1, 2, 3], **{name: [1, 2, None] for name in HOSTILE}})
    written_below(lake, "people/1.parquet", table)
    where = " and ".join('"{}" > 1'.format(name.replace('"', '""')) for name in HOSTILE)
    assert lake.evaluate(where=where, engine=SPARK)[1].to_pylist() == [2]


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_keys_have_the_type_of_their_column(lake: World, key: str) -> None:
    written_below(lake, "people/1.parquet", pa.table({key: KEYS[key], "n": range(len(KEYS[key]))}))
    lake.sources["people"] = (key, lake.sources["people"][1])
    _, members = lake.evaluate(where="n < 5", engine=SPARK)
    _, expected = lake.evaluate(where="n < 5", engine="duckdb")
    assert members.type == expected.type
    assert str(members) == str(expected)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"where": "(id in (select n from orders)) is null"}, "compares the answer of IN"),
        ({"where": "(not (id in (select n from orders) and yes)) = yes"}, "compares the answer of IN"),
        ({"sql": "select p.id from people p join orders o on p.n in (select n from orders)"}, "subquery in ON"),
        (
            {"where": "exists (select 1 from orders o where exists (select 1 from orders x where x.m = people.m))"},
            "of the outermost FROM",
        ),
    ],
    ids=lambda one: str(one)[:50],
)
def test_subqueries_that_spark_plans_otherwise_are_refused(in_spark: InSpark, spec: dict[str, str], why: str) -> None:
    segment = Segment.model_validate({"name": "some", "dataset": "people", **spec})
    with pytest.raises(UnlikeError, match=why):
        in_spark.translated(rule_of(segment, in_spark.world(Path()).project().datasets["people"]))


@pytest.mark.slow
def test_what_a_cluster_logs_of_an_error_is_not_shown(lake: World, capfd: pytest.CaptureFixture[str]) -> None:
    written_below(lake, "people/1.parquet", pa.table({"id": [1], "n": [2**62], "m": [2**62]}))
    with pytest.raises(FatalError):
        lake.evaluate(where="n * m > 5", engine=SPARK)
    said = "".join(capfd.readouterr())
    assert str(2**62) not in said
    assert "pyspark" not in said


@pytest.mark.slow
def test_check_says_what_a_cluster_is_and_whether_it_sees_staging(
    in_spark: InSpark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)  # Airflow logs into what pytest has closed
    folders = {"sluice_staging": tmp_path / "staging", "lake": in_spark.lake}
    for conn_id, path in folders.items():
        declared = {"conn_type": "fs", "extra": {"path": str(path)}}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(declared))
    (tmp_path / "include" / "catalog").mkdir(parents=True)
    (tmp_path / "include" / "exports").mkdir()
    people = {
        "kind": "profile",
        "key": "id",
        "source": {"type": "parquet", "airflow_conn_id": "lake", "path": "people"},
    }
    some = {"dataset": "people", "where": "n > 5", "engine": SPARK | {"airflow_conn_id": "spark_cluster"}}
    for name, declared in {"datasets": {"people": people}, "segments": {"some": some}}.items():
        (tmp_path / "include" / "catalog" / f"{name}.yaml").write_text(json.dumps(declared))
    assert main(["check", "--include", str(tmp_path / "include"), "--connect"]) == 0
    printed = capsys.readouterr()
    said = "spark_cluster: evaluates segments in Spark 4.3.0, which sees staging, and writes keys there"
    assert said in printed.out.splitlines(), printed
    assert not [path for path in (tmp_path / "staging").rglob("*") if "spark" in path.name]

    monkeypatch.setenv("AIRFLOW_CONN_SPARK_CLUSTER", json.dumps(CLOSED | {"port": free_port()}))
    assert main(["check", "--include", str(tmp_path / "include"), "--connect"]) == 1
    assert "spark_cluster: evaluates no segments" in capsys.readouterr().err


CLOSED: dict[str, Any] = {"conn_type": "spark_connect", "host": "127.0.0.1"}
