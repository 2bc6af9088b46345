"""Every type of a real PostgreSQL: as its counterpart, as PostgreSQL's own text, or refused with the column's name."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.errors import FatalError, SluiceError
from sluice.sources import SOURCES
from tests.contract.source_subjects import Lake
from tests.servers.postgres import Database

TYPES = (
    "create type mood as enum ('calm', 'busy')",
    "create domain price as numeric(10,2)",
    "create domain scores as int[]",
    "create type place as (name text, seen timestamptz, raw bytea, every interval)",
    "create type \"date\" as enum ('later')",
    "create role elsewhere superuser login password 'x'",
    "alter role elsewhere set timezone = 'Asia/Tokyo'",
    "alter role elsewhere set datestyle = 'German'",
    "alter role elsewhere set intervalstyle = 'iso_8601'",
    "alter role elsewhere set bytea_output = 'escape'",
    "alter role elsewhere set extra_float_digits = -10",
    "alter role elsewhere set client_encoding = 'LATIN1'",
    "alter role elsewhere set quote_all_identifiers = on",
    "alter role elsewhere set default_transaction_isolation = 'serializable'",
)


@pytest.fixture(scope="module")
def database(database: Database) -> Database:
    database.execute(*TYPES)
    return database


@pytest.fixture
def lake(tmp_path: Path, database: Database) -> Lake:
    lake = Lake(tmp_path, database)
    lake.more |= {"lake": database.access(), "elsewhere": database.access("elsewhere", "x")}
    return lake


def copied(lake: Lake, select: str, conn_id: str = "lake") -> pa.Table:
    config = SOURCES["sql"].model_validate({"type": "sql", "airflow_conn_id": conn_id, "query": select})
    source = config.open(lake, dataset="people")
    pinned = source.pin(lake.spool)
    return pa.concat_tables(table for piece in pinned.slices for table in source.read(pinned, piece, None))


def of(lake: Lake, value: str, conn_id: str = "lake") -> Any:
    (row,) = copied(lake, f"select {value} as x", conn_id).to_pylist()
    return row["x"]


KEPT = {
    "'{1,null,3}'::int[]": [1, None, 3],
    "'{}'::int[]": [],
    "null::int[]": None,
    "array['2024-02-29', null]::date[]": [datetime.date(2024, 2, 29), None],
    "'{7}'::scores": [7],
    "'{9}'::scores::int[]": [9],
    "1.5::price": Decimal("1.50"),
    "1.5::numeric(38,10)": Decimal("1.5000000000"),
    "'23:59:59.999999'::time": datetime.time(23, 59, 59, 999_999),
    "'0001-01-01'::date": datetime.date(1, 1, 1),
    "'a'::char(3)": "a  ",
}


@pytest.mark.parametrize("value", KEPT)
def test_values_come_as_their_counterparts(lake: Lake, value: str) -> None:
    assert of(lake, value) == KEPT[value]


WRITTEN = {
    "1.5::numeric(50,10)": "1.5000000000",
    "'NaN'::numeric(50,10)": "NaN",
    "'NaN'::numeric": "NaN",
    "'-Infinity'::numeric": "-Infinity",
    "1e-20::numeric": "0.00000000000000000001",
    "12345::numeric(5,-2)": "12300",
    "0.00015::numeric(3,5)": "0.00015",
    "'12.50'::money": "12.50",
    "array['1234.50'::money, null]": "{1234.50,NULL}",
    "array['busy'::mood, null]": "{busy,NULL}",
    "'busy'::mood": "busy",
    "'later'::public.date": "later",
    "'{{1.5,NaN},{3,4}}'::numeric[]": "{{1.5,NaN},{3,4}}",
    "array['24:00:00']::time[]": "{24:00:00}",
    "B'0101'": "0101",
    "'[1,3)'::int4range": "[1,3)",
    "'{[1,3),[7,9)}'::int4multirange": "{[1,3),[7,9)}",
    "'[2026-01-01,infinity)'::daterange": "[2026-01-01,infinity)",
    "'0044-03-15 BC'::date::text": "0044-03-15 BC",
    "'10:00:00+02'::timetz": "10:00:00+02",
    "'1 mon -2 days 03:00'::interval": "1 mon -2 days +03:00:00",
    "row('Orly', '2026-01-01 12:00+02', '\\xff', '1 day')::place": '(Orly,"2026-01-01 10:00:00+00","\\\\xff","1 day")',
    "array[row('Orly', 'infinity', null, null)::place]": '{"(Orly,infinity,,)"}',
    "'infinity'::timestamptz::text": "infinity",
    "array['\\xff']::bytea[]": '{"\\\\xff"}',
    "'[2026-01-01 12:00+02,)'::tstzrange": '["2026-01-01 10:00:00+00",)',
    "point(0.1::float8 + 0.2::float8, 1)": "(0.30000000000000004,1)",
    "'pg_class'::regclass": "pg_class",
    "4294967295::oid": "4294967295",
}


@pytest.mark.parametrize("conn_id", ["lake", "elsewhere"])
@pytest.mark.parametrize("value", WRITTEN)
def test_other_types_come_as_one_text_whatever_the_role_has_set(lake: Lake, value: str, conn_id: str) -> None:
    assert of(lake, value, conn_id) == WRITTEN[value]


@pytest.mark.parametrize("conn_id", ["lake", "elsewhere"])
def test_text_is_utf8_whatever_the_role_has_set(lake: Lake, conn_id: str) -> None:
    assert of(lake, "chr(233) || chr(8364)", conn_id) == "\u00e9\u20ac"


REFUSED = {
    "'{{1,2},{3,4}}'::int[]": "more than one dimension",
    "'{{{a}}}'::text[]": "more than one dimension",
    "array['2026-01-01', 'infinity']::date[]": "`infinity`",
    "array['0044-03-15 BC']::date[]": "outside of the years 1 to 9999",
    "array[null, '-infinity']::timestamptz[]": "`infinity`",
    "array['0044-03-15 BC']::timestamp[]": "outside of the years 1 to 9999",
    "'infinity'::date": "`infinity`",
    "'0044-03-15 BC'::date": "outside of the years 1 to 9999",
    "'-infinity'::timestamp": "`infinity`",
    "'10000-01-01'::timestamptz": "outside of the years 1 to 9999",
    "'24:00:00'::time": "the time 24:00:00",
    "'NaN'::numeric(5,2)": "`NaN`",
}


@pytest.mark.parametrize("value", REFUSED)
def test_a_value_without_a_counterpart_is_refused_with_its_column_and_a_way_out(lake: Lake, value: str) -> None:
    with pytest.raises(FatalError, match="dataset people: connection lake: column 'x' of type") as refused:
        of(lake, value)
    assert REFUSED[value] in refused.value.what
    assert "the source's `query`" in refused.value.next_step


WAYS_OUT = {
    "to_jsonb('{{1,2},{3,4}}'::int[])": "[[1, 2], [3, 4]]",
    "array['infinity', '0044-03-15 BC']::date[]::text[]": ["infinity", "0044-03-15 BC"],
    "'24:00:00'::time::text": "24:00:00",
    "'NaN'::numeric(5,2)::text": "NaN",
}


@pytest.mark.parametrize("value", WAYS_OUT)
def test_the_way_out_keeps_the_value(lake: Lake, value: str) -> None:
    assert of(lake, value) == WAYS_OUT[value]


def test_a_later_row_of_another_shape_is_refused_too(lake: Lake) -> None:
    with pytest.raises(FatalError, match="more than one dimension"):
        copied(lake, "select case when n = 200000 then '{{1},{2}}'::int[] end as x from generate_series(1, 200000) n")


def test_an_error_of_the_server_shows_no_value(lake: Lake) -> None:
    with pytest.raises(SluiceError) as refused:
        copied(lake, "select (case when n = 9 then 'Zoe' || n else '1' end)::int as x from generate_series(1, 9) n")
    assert "SQLSTATE 22P02 (invalid text representation)" in refused.value.what
    assert "Zoe9" not in refused.value.page()
