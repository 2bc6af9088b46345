"""The exam of sources: every registered one reads back what was written, slice by slice, as often as it is asked."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import load_catalog

from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.sources import SOURCES
from sluice.sources.base import Pinned, Source
from sluice.sources.selection import select
from sluice.sql import connect
from tests.contract.rows import every_type, people
from tests.contract.source_subjects import SUBJECTS, Database, Lake, Subject


@pytest.fixture(params=SUBJECTS, ids=str)
def subject(request: pytest.FixtureRequest) -> Subject:
    chosen: Subject = request.param
    return chosen


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    database = Database()
    yield database
    database.close()


@pytest.fixture
def lake(tmp_path: Path, database: Database) -> Lake:
    return Lake(tmp_path, database)


def read(source: Source, pinned: Pinned, columns: list[str] | None = None) -> pa.Table:
    """All rows, slice after slice; each slice has as many as it said."""
    tables = []
    for piece in pinned.slices:
        own = list(source.read(pinned, piece, columns))
        assert sum(table.num_rows for table in own) == piece.records
        tables += own
    if tables:
        return pa.concat_tables(tables)
    return pinned.schema.empty_table()


def test_every_registered_source_is_examined() -> None:
    assert {subject.type for subject in SUBJECTS} == set(SOURCES)


def test_every_type_survives(subject: Subject, lake: Lake) -> None:
    table = subject.holds(every_type(rows=1_000))
    source = subject.write(lake, table)
    pinned = source.pin(lake.spool)
    found = read(source, pinned)
    found.validate(full=True)
    assert pinned.records == table.num_rows
    assert found.schema == pinned.schema
    assert subject.sorted(found).to_pylist() == subject.sorted(table).to_pylist()
    if subject.exact:
        assert found.schema.types == table.schema.types


def test_slices_are_the_same_every_time(subject: Subject, lake: Lake) -> None:
    subject.write(lake, people(5_000))
    first, again = (subject.open(lake) for _ in range(2))
    pinned = first.pin(lake.spool)
    assert len(pinned.slices) > 1 or subject.copies or subject.variant == "file", "few rows of one file are one slice"
    stored = Pinned.model_validate_json(pinned.model_dump_json())
    assert stored == pinned
    assert read(again, stored).equals(read(first, pinned))
    if not subject.copies:
        assert again.pin(lake.spool) == pinned


def test_columns_come_as_asked(subject: Subject, lake: Lake) -> None:
    source = subject.write(lake, people(500))
    pinned = source.pin(lake.spool)
    found = read(source, pinned, ["city", "id"])
    assert found.column_names == ["city", "id"]
    assert found.equals(read(source, pinned).select(["city", "id"]))


def test_columns_are_those_of_the_rows(subject: Subject, lake: Lake) -> None:
    source = subject.write(lake, subject.holds(every_type(rows=10)))
    columns, schema = source.columns(), source.pin(lake.spool).schema
    assert columns.whole
    assert columns.schema.names == schema.names
    known = [field for field in columns.schema if not pa.types.is_null(field.type)]
    assert known == [schema.field(field.name) for field in known]
    assert known or subject.variant == "sqlite"


def test_an_unknown_column_is_told_with_the_nearest(subject: Subject, lake: Lake) -> None:
    source = subject.write(lake, people(10))
    pinned = source.pin(lake.spool)
    with pytest.raises(DefinitionError, match="people has no column 'citty'") as wrong:
        next(source.read(pinned, pinned.slices[0], ["citty"]))
    assert wrong.value.nearest == "city"


def test_threads_read_the_same(subject: Subject, lake: Lake) -> None:
    source = subject.write(lake, people(5_000))
    pinned = source.pin(lake.spool)
    pieces = list(pinned.slices) * 4
    with ThreadPoolExecutor(8) as threads:
        tables = list(threads.map(lambda piece: pa.concat_tables(source.read(pinned, piece, None)), pieces))
    whole = pa.concat_tables(tables)
    assert whole.equals(pa.concat_tables([read(source, pinned)] * 4))


def test_a_dataset_of_no_rows_has_a_schema(subject: Subject, lake: Lake) -> None:
    source = subject.write(lake, people(0))
    pinned = source.pin(lake.spool)
    assert pinned.records == 0
    assert sorted(pinned.schema.names) == sorted(people(0).schema.names)
    with source.scan(pinned) as rows, connect() as engine:
        engine.register("people", rows)
        assert engine.sql("select * from people").fetchall() == []


def test_what_is_written_later_is_not_read(subject: Subject, lake: Lake) -> None:
    source = subject.write(lake, people(500))
    pinned = source.pin(lake.spool)
    before = read(source, pinned)
    assert source.intact(pinned)
    subject.replace(lake, people(600, seed=2))
    assert subject.open(lake).intact(pinned) == subject.keeps
    if subject.keeps:
        assert read(subject.open(lake), pinned).equals(before)
        assert subject.open(lake).pin(lake.spool).records == 600
        return
    with pytest.raises(FatalError, match=r"people: .* was overwritten since the run pinned it"):
        read(subject.open(lake), pinned)
    with pytest.raises(FatalError, match=r"people: .* was overwritten"):
        read(source, pinned)


def test_data_that_is_not_there_names_the_dataset(subject: Subject, lake: Lake) -> None:
    subject.absent(lake)
    with pytest.raises((FatalError, DefinitionError), match="dataset people"):
        subject.open(lake).pin(lake.spool)


def test_a_query_scans_the_same_rows_as_often_as_it_likes(subject: Subject, lake: Lake) -> None:
    table = people(5_000)
    source = subject.write(lake, table)
    pinned = source.pin(lake.spool)
    with source.scan(pinned) as rows, connect(threads=2) as engine:
        engine.register("people", rows)
        query = "select a.id from people a join people b using (id) where a.city = 'Köln' order by 1"
        found = engine.sql(query).to_arrow_table()["id"]
    assert found.to_pylist() == sorted(r["id"] for r in table.to_pylist() if r["city"] == "Köln")


def test_members_are_selected_by_their_key(subject: Subject, lake: Lake) -> None:
    source = subject.write(lake, people(5_000))
    pinned = source.pin(lake.spool)
    rows = read(source, pinned).to_pylist()
    keys = pa.array([*sorted(r["id"] for r in rows if r["id"] % 7 == 0), 10**9])
    chosen = list(select(source, pinned, key="id", keys=keys, required=["mail", "upper(City)"]))
    assert len(chosen) == len(pinned.slices)
    start, kept, rejects = 0, [], []
    for one, piece in zip(chosen, pinned.slices, strict=True):
        kept += [rows[start + row]["id"] for row in one.rows.to_pylist()]
        rejects += [rows[start + row]["id"] for row in one.rejects.to_pylist()]
        start += piece.records
    members = [r for r in rows if r["id"] % 7 == 0]
    assert kept == [r["id"] for r in members if r["mail"] and r["city"]]
    assert rejects == [r["id"] for r in members if not (r["mail"] and r["city"])] != []


def test_a_required_value_that_fails_is_not_told(subject: Subject, lake: Lake) -> None:
    source = subject.write(lake, people(50))
    pinned = source.pin(lake.spool)
    with pytest.raises(FatalError, match="Could not convert string") as failed:
        list(select(source, pinned, key="id", keys=None, required=["cast(city as integer)"]))
    told = "".join(traceback.format_exception(failed.value))
    assert not [city for city in people(50)["city"].to_pylist() if city and city in told]


def test_iceberg_rows_that_its_library_would_change_are_refused(lake: Lake) -> None:
    renamed = next(subject for subject in SUBJECTS if str(subject) == "iceberg-renamed")
    source = renamed.write(lake, every_type(rows=20))
    with pytest.raises(FatalError, match="reads null as empty in 'points'"):
        source.pin(lake.spool)


def test_iceberg_files_without_column_numbers_are_read_by_the_tables_own_mapping(lake: Lake) -> None:
    subject = next(subject for subject in SUBJECTS if str(subject) == "iceberg-sqlite")
    subject.put(lake, people(0))
    table = people(50)
    pq.write_table(table, lake.folder / "imported.parquet")
    catalog = load_catalog("default", type="sql", uri=f"sqlite:///{lake.folder}/catalog.db")
    imported = catalog.load_table("crm.people")
    imported.add_files([str(lake.folder / "imported.parquet")])
    with imported.update_schema() as change:
        change.rename_column("city", "town")
    source = subject.open(lake)
    found = read(source, source.pin(lake.spool))
    assert found.rename_columns({"town": "city"}).to_pylist() == table.to_pylist()


def test_a_postgres_that_goes_away_is_tried_again(lake: Lake) -> None:
    subject = next(subject for subject in SUBJECTS if str(subject) == "sql-postgres")
    subject.put(lake, people(10))
    killing = "select p.*, pg_terminate_backend(pg_backend_pid()) from people p, generate_series(1, 100000)"
    with pytest.raises(RetriableError, match="dataset people: connection lake"):
        SOURCES["sql"].model_validate({"type": "sql", "airflow_conn_id": "lake", "query": killing}).open(
            lake, dataset="people"
        ).pin(lake.spool)
    assert lake.spool.list() == []


@pytest.mark.parametrize("value", ["'infinity'::date", "'-infinity'::timestamptz", "'NaN'::numeric(5,2)"])
def test_values_of_postgres_that_arrow_cannot_hold_are_named(lake: Lake, value: str) -> None:
    subject = next(subject for subject in SUBJECTS if str(subject) == "sql-postgres")
    subject.put(lake, people(1))
    config = {"type": "sql", "airflow_conn_id": "lake", "query": f"select {value} as odd"}
    with pytest.raises(FatalError, match="dataset people: connection lake: column 'odd'"):
        SOURCES["sql"].model_validate(config).open(lake, dataset="people").pin(lake.spool)


def test_types_of_postgres_without_a_counterpart_come_as_its_own_text(lake: Lake) -> None:
    subject = next(subject for subject in SUBJECTS if str(subject) == "sql-postgres")
    subject.put(lake, people(1))
    query = """select '0b0e1c52-6a3b-4c0e-8f44-0f6f0a2c9d11'::uuid u, '{"a": [1, null]}'::jsonb j, '10.0.0.1'::inet i,
        1.50::numeric n, '1 day 02:00'::interval v, array['a', null] as a, 12.5::numeric(5, 2) as p, null as nothing"""
    source = (
        SOURCES["sql"]
        .model_validate({"type": "sql", "airflow_conn_id": "lake", "query": query})
        .open(lake, dataset="people")
    )
    assert read(source, source.pin(lake.spool)).to_pylist() == [
        {
            "u": "0b0e1c52-6a3b-4c0e-8f44-0f6f0a2c9d11",
            "j": '{"a": [1, null]}',
            "i": "10.0.0.1/32",
            "n": "1.50",
            "v": "1 day 02:00:00",
            "a": ["a", None],
            "p": Decimal("12.50"),
            "nothing": None,
        }
    ]
