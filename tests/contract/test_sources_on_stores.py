"""Parquet on every kind of filesystem, through its Airflow connection."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.errors import FatalError
from sluice.filesystem import Opened
from sluice.sources.parquet import Parquet
from sluice.sql import connect
from tests.contract.rows import people
from tests.contract.test_filesystems import Place, fleet, place
from tests.servers.fleet import Fleet

__all__ = ["fleet", "place"]


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
    assert [piece.records for piece in pinned.slices] == [400, 100, 400, 100]
    found = pa.concat_tables(t for piece in pinned.slices for t in source.read(pinned, piece, None))
    assert found.drop_columns(["day"]).equals(table)
    with source.scan(pinned) as rows, connect() as engine:
        engine.register("people", rows)
        assert engine.sql("select count(*) from people where day = '2026-11-02'").fetchall() == [(500,)]
    put(folder, "people/day=2026-11-02/b.parquet", table.slice(500, 499))
    later = config.open(fleet, dataset="people")
    with pytest.raises(FatalError, match=r"b\.parquet was written again"):
        list(later.read(pinned, pinned.slices[2], None))
    with pytest.raises(FatalError, match=r"b\.parquet was written again"), source.scan(pinned):
        pass
    folder.remove_tree("people/day=2026-11-02")
    with pytest.raises(FatalError, match=r"b\.parquet is no longer there"):
        list(later.read(pinned, pinned.slices[2], None))
