"""Tables of a real PostgreSQL become declarations: primary keys are known, others guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.discovery.databases import tables_of
from sluice.discovery.files import Unreadable
from sluice.discovery.found import Found
from sluice.errors import FatalError
from sluice.model.access import SqlAccess
from sluice.sources import SOURCES
from tests.contract.source_subjects import Lake
from tests.servers.postgres import Database

TABLES = (
    "create table users (name text, id bigint primary key, born date)",
    "insert into users select 'x', n, '2000-01-01' from generate_series(1, 5) n",
    "create schema shop",
    "create table shop.orders (user_id bigint, placed timestamptz)",
    "insert into shop.orders select n % 2, now() from generate_series(1, 5) n",
    "create table shop.lines (order_no int, line int, primary key (order_no, line))",
    'create view shop."Odd Name" as select id as user_id from users',
)


@pytest.fixture(scope="module")
def database(database: Database) -> Database:
    database.execute(*TABLES)
    return database


@pytest.fixture
def lake(tmp_path: Path, database: Database) -> Lake:
    lake = Lake(tmp_path, database)
    lake.more["db"] = database.access()
    return lake


def found(lake: Lake, schema: str | None = None) -> dict[str, Found]:
    access = lake.get("db")
    assert isinstance(access, SqlAccess)
    tables = list(tables_of(lake, "db", access, schema))
    assert not [one for one in tables if isinstance(one, Unreadable)]
    return {one.source["table"]: one for one in tables if isinstance(one, Found)}


def test_tables_and_views_of_every_schema(lake: Lake) -> None:
    tables = found(lake)
    assert set(tables) == {"users", "shop.orders", "shop.lines", "shop.Odd Name"}
    users, orders = tables["users"], tables["shop.orders"]
    assert (users.key.value, users.key.why, users.kind.value) == ("id", "its primary key", "profile")
    assert (orders.key.value, orders.kind.value) == ("user_id", "event")
    assert tables["shop.Odd Name"].name == "odd-name"


def test_what_is_found_can_be_read(lake: Lake) -> None:
    for one in found(lake).values():
        source = SOURCES["sql"].model_validate(dict(one.source)).open(lake, dataset=one.name)
        assert source.columns().schema.names == one.schema.names


def test_one_schema_alone_and_one_that_is_not_there(lake: Lake) -> None:
    assert set(found(lake, "shop")) == {"shop.orders", "shop.lines", "shop.Odd Name"}
    with pytest.raises(FatalError, match="no tables found in the schema shpo") as refused:
        found(lake, "shpo")
    assert refused.value.known == ("public", "shop")
