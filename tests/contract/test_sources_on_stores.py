"""Parquet on every kind of filesystem, through its Airflow connection."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import load_catalog

from sluice.errors import FatalError
from sluice.filesystem import Opened
from sluice.sources.base import Source
from sluice.sources.delta import Delta
from sluice.sources.iceberg import Iceberg
from sluice.sources.parquet import Parquet
from sluice.sources.stores import address, delta_options, iceberg_properties
from sluice.sql import connect
from sluice.testing.rows import people
from tests.contract.test_filesystems import PLACES, Place, place
from tests.servers.fleet import Fleet

__all__ = ["place"]


@pytest.fixture
def folder(place: Place, fleet: Fleet) -> Iterator[Opened]:
    opened = place.open(fleet, "lake")
    yield opened
    opened.remove_tree("people")


def put(opened: Opened, name: str, table: pa.Table) -> None:
    body = io.BytesIO()
    pq.write_table(table, body, row_group_size=400)
    opened.write_bytes(name, body.getvalue())


def test_files_are_pinned_and_read(place: Place, fleet: Fleet, folder: Opened) -> None:
    table = people(1_000)
    put(folder, "people/day=2026-11-01/a.parquet", table.slice(0, 500))
    put(folder, "people/day=2026-11-02/b.parquet", table.slice(500))
    config = Parquet(
        airflow_conn_id=folder.conn_id, path="/".join(filter(None, [place.top, place.name, "lake/people"]))
    )
    source = config.open(fleet, dataset="people")
    pinned = source.pin()
    assert [piece.records for piece in pinned.slices] == [500, 500]
    found = pa.concat_tables(t for piece in pinned.slices for t in source.read(pinned, piece, None))
    assert found.drop_columns(["day"]).equals(table)
    with source.scan(pinned) as rows, connect() as engine:
        engine.register("people", rows)
        assert engine.sql("select count(*) from people where day = '2026-11-02'").fetchall() == [(500,)]
    put(folder, "people/day=2026-11-02/b.parquet", table.slice(500, 499))
    later = config.open(fleet, dataset="people")
    with pytest.raises(FatalError, match=r"b\.parquet was overwritten"):
        list(later.read(pinned, pinned.slices[1], None))
    with pytest.raises(FatalError, match=r"b\.parquet was overwritten"), source.scan(pinned):
        pass
    folder.remove_tree("people/day=2026-11-02")
    with pytest.raises(FatalError, match=r"b\.parquet no longer exists"):
        list(later.read(pinned, pinned.slices[1], None))


def all_rows(source: Source) -> pa.Table:
    pinned = source.pin()
    assert pinned.spool is None
    return pa.concat_tables(t for piece in pinned.slices for t in source.read(pinned, piece, None))


@pytest.mark.parametrize("place", [p for p in PLACES if p.name in ("ministack", "azurite")], ids=lambda p: p.name)
def test_delta_tables_lie_on_object_stores(place: Place, fleet: Fleet) -> None:
    """Delta is told of a store in words of its own, so each kind of store is tried."""
    conn_id, path = place.open(fleet, "tables").conn_id, f"{place.top}/{place.name}/delta"
    access, table = fleet.get(conn_id), people(100)
    where = address(access, path, conn_id)
    deltalake.write_deltalake(where, table, storage_options=delta_options(access), mode="overwrite")
    assert all_rows(Delta(type="delta", airflow_conn_id=conn_id, path=path).open(fleet, dataset="people")).equals(table)


def test_iceberg_tables_lie_on_s3_under_a_sqlite_catalog(fleet: Fleet) -> None:
    place = next(p for p in PLACES if p.name == "ministack")
    conn_id, table = place.open(fleet, "tables").conn_id, people(100)
    uri = f"sqlite:///{fleet.folder}/catalog.db"
    fleet.connect("catalog", json.dumps({"conn_type": "iceberg", "extra": {"type": "sql", "uri": uri}}))
    warehouse = {"type": "sql", "uri": uri, "warehouse": f"s3://{place.top}/iceberg"}
    catalog = load_catalog("default", **iceberg_properties(fleet.get(conn_id)), **warehouse)
    catalog.create_namespace("crm")
    catalog.create_table("crm.people", schema=table.schema).append(table)
    config = Iceberg(type="iceberg", airflow_conn_id="catalog", table="crm.people", files_conn_id=conn_id)
    assert all_rows(config.open(fleet, dataset="people")).equals(table)
