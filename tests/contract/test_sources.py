"""The exam of sources, for every registered one, and what is particular about them."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import load_catalog

from sluice.errors import FatalError, RetriableError
from sluice.sources import SOURCES
from sluice.sources.base import SourceConfig
from sluice.testing import SourceExam
from sluice.testing.rows import every_type, people
from sluice.testing.sources import Write, read
from tests.contract.source_subjects import SUBJECTS, Lake, Subject
from tests.servers.postgres import Database


@pytest.fixture
def lake(tmp_path: Path, database: Database) -> Lake:
    return Lake(tmp_path, database)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
class TestSources(SourceExam):
    @pytest.fixture
    def config(self, subject: Subject) -> SourceConfig:
        return subject.config()

    @pytest.fixture
    def connections(self, lake: Lake) -> Lake:
        return lake

    @pytest.fixture
    def write(self, subject: Subject, lake: Lake) -> Write:
        return partial(subject.put, lake)

    @pytest.fixture
    def without(self, subject: Subject) -> tuple[str, ...]:
        return subject.without

    @pytest.fixture
    def absent(self, subject: Subject, lake: Lake) -> None:
        subject.absent(lake)


def test_every_registered_source_is_examined() -> None:
    assert {subject.type for subject in SUBJECTS} == set(SOURCES)


@pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if subject.exact], ids=str)
def test_types_come_back_as_they_were(subject: Subject, lake: Lake) -> None:
    table = every_type(rows=10).drop_columns(list(subject.without))
    source = subject.write(lake, table)
    assert read(source, source.pin(lake.spool)).schema.types == table.schema.types


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_rows_are_copied_only_if_they_cannot_be_pinned(subject: Subject, lake: Lake) -> None:
    pinned = subject.write(lake, people(5_000)).pin(lake.spool)
    assert (pinned.spool is not None) == subject.copies
    assert len(pinned.slices) > 1 or subject.copies or subject.variant == "file", "few rows of one file are one slice"


@pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if subject.variant != "sqlite"], ids=str)
def test_types_are_known_before_rows(subject: Subject, lake: Lake) -> None:
    source = subject.write(lake, every_type(rows=10).drop_columns(list(subject.without)))
    assert not all(pa.types.is_null(kind) for kind in source.columns().schema.types)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_what_was_pinned_is_kept_or_known_to_be_written_again(subject: Subject, lake: Lake) -> None:
    source = subject.write(lake, people(500))
    pinned = source.pin(lake.spool)
    subject.put(lake, people(600, seed=2))
    assert subject.open(lake).intact(pinned) == subject.keeps
    if subject.keeps:
        assert read(subject.open(lake), pinned).num_rows == 500
        return
    with pytest.raises(FatalError, match=r"people: .* was overwritten since the run pinned it"):
        read(subject.open(lake), pinned)
    with pytest.raises(FatalError, match=r"people: .* was overwritten"):
        read(source, pinned)


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
