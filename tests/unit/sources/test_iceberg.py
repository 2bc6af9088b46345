"""Iceberg tables as other writers leave them: clocks that go back, defaults, deletes by value, later types."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.typedef import Record

from sluice.errors import FatalError
from sluice.model.run import Window
from sluice.sources.base import Pinned
from sluice.sources.iceberg import Iceberg, IcebergSource
from sluice.sources.position import Position
from tests.builders import World
from tests.unit.sources.lakes import SOURCES, catalog, delivered, edit, world_of


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_of(tmp_path, "iceberg")


@pytest.fixture
def news(tmp_path: Path) -> World:
    return world_of(tmp_path, "iceberg", mode="incremental")


def append(world: World, rows: pa.Table) -> None:
    catalog(world).create_table_if_not_exists("web.d", schema=rows.schema).append(rows)


def numbers(*ids: int) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64())})


def source_of(world: World) -> IcebergSource:
    return Iceberg.model_validate(SOURCES["iceberg"]).open(world, dataset="d")


def ids(source: IcebergSource, pinned: Pinned) -> list[int]:
    return sorted(
        value
        for piece in pinned.slices
        for one in source.read(pinned, piece, ["id"])
        for value in one["id"].to_pylist()
    )


def second(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


@pytest.mark.slow
def test_a_window_walks_past_times_that_go_back(world: World) -> None:
    for number in range(4):
        append(world, numbers(number))

    def earlier(metadata: dict[str, Any]) -> None:
        for snapshot, at in zip(metadata["snapshots"], (1_000, 2_000, 3_900, 3_200), strict=True):
            snapshot["timestamp-ms"] = at

    edit(world, earlier)
    source = source_of(world)
    pinned = source.pin()
    found = [
        ids(source, source.between(pinned, Window(after=second(after), until=second(until))))
        for after, until in ((3.5, 9), (3, 3.5), (0, 9))
    ]
    assert found == [[2], [3], [0, 1, 2, 3]]


def expire(world: World, *numbers: int) -> None:
    """Snapshots go from the metadata, as `expire_snapshots` leaves it."""

    def forget(metadata: dict[str, Any]) -> None:
        gone = {metadata["snapshots"][number]["snapshot-id"] for number in numbers}
        for part in ("snapshots", "snapshot-log"):
            metadata[part] = [one for one in metadata[part] if one["snapshot-id"] not in gone]

    edit(world, forget)


@pytest.mark.slow
def test_the_delivered_snapshot_may_expire(news: World) -> None:
    append(news, numbers(0))
    append(news, numbers(1))
    assert len(delivered(news)) == 2
    append(news, numbers(2))
    append(news, numbers(3))
    expire(news, 0, 1)
    assert sorted(row["id"] for row in delivered(news, "r2")) == [2, 3]


@pytest.mark.slow
def test_a_snapshot_that_expired_undelivered_is_refused_until_a_run_with_the_mode_full(news: World) -> None:
    append(news, numbers(0))
    assert len(delivered(news)) == 1
    append(news, numbers(1))
    append(news, numbers(2))
    expire(news, 0, 1)
    with pytest.raises(FatalError, match="snapshots have expired") as refused:
        delivered(news, "r2")
    assert "sluice run EXPORT --mode full" in refused.value.next_step
    news.now += timedelta(hours=1)
    assert len(delivered(news, "r3", mode="full")) == 3
    append(news, numbers(3))
    assert delivered(news, "r4") == [{"id": 3}]


@pytest.mark.slow
@pytest.mark.parametrize("first", [(), (1, 2)], ids=["empty", "with rows"])
def test_a_table_made_again_under_its_name_is_refused(news: World, first: tuple[int, ...]) -> None:
    append(news, numbers(*first))
    delivered(news)
    catalog(news).drop_table("web.d")
    append(news, numbers(7))
    with pytest.raises(FatalError, match="d is not the table that was delivered last"):
        delivered(news, "r2")


@pytest.mark.slow
def test_a_position_without_identity_of_an_empty_table_is_still_read(world: World) -> None:
    append(world, numbers(7))
    source = source_of(world)
    assert ids(source, source.added(source.pin(), Position(by="snapshots", at="None"))) == [7]


@pytest.mark.slow
def test_defaults_of_columns_added_within_structs_are_filled(world: World) -> None:
    rows = pa.table(
        {"id": pa.array([1, 2], pa.int64()), "s": pa.array([{"a": 1}, None], pa.struct([("a", pa.int64())]))}
    )
    append(world, rows)

    def added(metadata: dict[str, Any]) -> None:
        metadata |= {"format-version": 3, "next-row-id": 0, "last-column-id": 101}
        fields = metadata["schemas"][0]["fields"]
        new = {"type": "long", "required": False, "initial-default": 42}
        fields[1]["type"]["fields"].append(new | {"id": 100, "name": "b"})

    edit(world, added)
    assert delivered(world) == [{"id": 1, "s": {"a": 1, "b": 42}}, {"id": 2, "s": None}]


@pytest.mark.slow
def test_equality_deletes_are_refused_with_what_to_do(world: World) -> None:
    append(world, numbers(1, 2, 3))
    append(world, numbers(4))
    delete_by_value(world, numbers(2))
    with pytest.raises(FatalError, match=r"web\.d has equality deletes") as refused:
        delivered(world)
    assert "rewrite_data_files" in refused.value.next_step


def delete_by_value(world: World, values: pa.Table) -> None:
    """An equality delete file in the current snapshot, as Flink writes it: pyiceberg writes none."""
    table = catalog(world).load_table("web.d")
    snapshot = table.current_snapshot()
    assert snapshot is not None
    pq.write_table(values, world.root / "lake" / "deletes.parquet")
    own = {"file_path": f"file://{world.root}/lake/deletes.parquet", "file_format": FileFormat.PARQUET}
    counts = {"record_count": values.num_rows, "file_size_in_bytes": 1, "partition": Record(), "spec_id": 0}
    content = DataFileContent.EQUALITY_DELETES
    file = DataFile.from_args(content=content, equality_ids=[1], **own, **counts)
    manifest = f"file://{world.root}/lake/deletes.avro"
    with _Deletes(table.spec(), table.schema(), table.io.new_output(manifest), snapshot.snapshot_id, "null") as to:
        to.add_entry(ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, data_file=file))
    listed = [*snapshot.manifests(table.io), to.to_manifest_file()]
    with write_manifest_list(
        2,
        table.io.new_output(snapshot.manifest_list),
        snapshot.snapshot_id,
        snapshot.parent_snapshot_id,
        snapshot.sequence_number,
        "null",
    ) as lists:
        lists.add_manifests(listed)


class _Deletes(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return super()._meta | {"content": "deletes"}


@pytest.mark.slow
def test_a_variant_is_refused_by_name(world: World) -> None:
    append(world, numbers(1))

    def added(metadata: dict[str, Any]) -> None:
        metadata |= {"format-version": 3, "next-row-id": 0, "last-column-id": 2}
        metadata["schemas"][0]["fields"].append({"id": 2, "name": "v", "type": "variant", "required": False})

    edit(world, added)
    with pytest.raises(FatalError, match=r"pyiceberg cannot read web\.d: .*'variant'"):
        delivered(world)
