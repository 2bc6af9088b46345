"""Delta tables as other writers leave them: old protocols, clocks that go back, logs with gaps, tables made again."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest

from sluice.errors import DefinitionError, FatalError
from sluice.filesystem import open_filesystem
from sluice.model.run import Window
from sluice.sources.base import Pinned
from sluice.sources.delta import Delta, DeltaSource
from sluice.sources.position import Position
from sluice.sql import connect
from tests.builders import World
from tests.unit.sources.lakes import (
    LEGACY,
    OLDEST,
    SOURCES,
    DeltaByHand,
    delivered,
    features,
    mapped,
    marks,
    numbered,
    world_of,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_of(tmp_path)


@pytest.fixture
def news(tmp_path: Path) -> World:
    return world_of(tmp_path, mode="incremental")


def source_of(world: World) -> DeltaSource:
    return Delta.model_validate(SOURCES["delta"]).open(world, dataset="d")


def ids(source: DeltaSource, pinned: Pinned) -> list[int]:
    return sorted(
        v for piece in pinned.slices for one in source.read(pinned, piece, ["id"]) for v in one["id"].to_pylist()
    )


def second(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def within(world: World, after: float, until: float) -> list[int]:
    source = source_of(world)
    return ids(source, source.between(source.pin(), Window(after=second(after), until=second(until))))


NAMES = {"col-1": 1, "col-2": 2, "col-3": 3}
TWO = [mapped("id", "long", 1, "col-1"), mapped("name", "string", 2, "col-2")]


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [LEGACY, features("columnMapping")], ids=["legacy", "features"])
@pytest.mark.parametrize("mode", ["name", "id"])
def test_mapped_columns_have_their_values_under_every_protocol(
    world: World, mode: str, protocol: dict[str, Any]
) -> None:
    table = DeltaByHand.of(world, fields=TWO, protocol=protocol, configuration={"delta.columnMapping.mode": mode})
    rows = pa.table({"col-1": pa.array([1, 2, 3], pa.int64()), "col-2": ["a", "b", "c"]})
    table.commit(table.add(numbered(rows, NAMES)))
    assert delivered(world) == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "c"}]


@pytest.mark.slow
def test_a_column_renamed_under_legacy_mapping_keeps_its_values_old_and_new(world: World) -> None:
    table = DeltaByHand.of(world, fields=TWO, protocol=LEGACY, configuration={"delta.columnMapping.mode": "name"})
    table.commit(table.add(numbered(pa.table({"col-1": [1], "col-2": ["old"]}), NAMES)))
    table.fields = [TWO[0], mapped("renamed", "string", 2, "col-2")]
    table.commit(table.meta())
    table.commit(table.add(numbered(pa.table({"col-1": [2], "col-2": ["new"]}), NAMES)))
    assert sorted(delivered(world), key=lambda row: row["id"]) == [
        {"id": 1, "renamed": "old"},
        {"id": 2, "renamed": "new"},
    ]


@pytest.mark.slow
def test_partitions_of_mapped_columns(world: World) -> None:
    settings = {"delta.columnMapping.mode": "name"}
    table = DeltaByHand.of(world, fields=TWO, protocol=LEGACY, configuration=settings, partitions=["name"])
    table.commit(table.add(numbered(pa.table({"col-1": [1]}), NAMES), partitionValues={"col-2": "a"}))
    assert delivered(world) == [{"id": 1, "name": "a"}]


@pytest.mark.parametrize("protocol", [OLDEST, features()], ids=["reader 1", "no feature"])
def test_mapped_columns_that_the_protocol_hides_are_refused(world: World, protocol: dict[str, Any]) -> None:
    table = DeltaByHand.of(world, fields=TWO, protocol=protocol, configuration={"delta.columnMapping.mode": "name"})
    table.commit(table.add(numbered(pa.table({"col-1": [1], "col-2": ["a"]}), NAMES)))
    with pytest.raises(FatalError, match="maps its columns by name, but its protocol"):
        delivered(world)


@pytest.mark.parametrize("stats", [{"stats": '{"numRecords": 4}'}, {}], ids=["counted", "not counted"])
@pytest.mark.parametrize("protocol", [OLDEST, LEGACY, features(), features("deletionVectors")])
def test_marked_rows_are_deleted_whatever_features_are_listed(
    world: World, protocol: dict[str, Any], stats: dict[str, str]
) -> None:
    table = DeltaByHand.of(world, protocol=protocol)
    rows = pa.table({"id": pa.array([0, 1, 2, 3], pa.int64())})
    table.commit(table.add(rows, deletionVector=marks(1, 3), **stats))
    assert [row["id"] for row in delivered(world)] == [0, 2]


def test_a_feature_that_nobody_knows_is_refused(world: World) -> None:
    table = DeltaByHand.of(world, protocol=features("sortedByMoon"))
    table.append(1)
    with pytest.raises(FatalError, match="sortedByMoon"):
        delivered(world)


@pytest.mark.slow
def test_a_table_made_again_at_the_same_path_is_refused_until_a_run_with_the_mode_full(news: World) -> None:
    table = DeltaByHand.of(news)
    for number in range(3):
        table.append(number)
    assert len(delivered(news)) == 3
    shutil.rmtree(table.folder)
    table = DeltaByHand.of(news)
    for number in range(5):
        table.append(1000 + number)
    news.now += timedelta(hours=1)
    with pytest.raises(FatalError, match="d is not the table that was delivered last") as refused:
        delivered(news, "r2")
    assert "sluice run EXPORT --mode full" in refused.value.next_step
    assert len(delivered(news, "r3", mode="full")) == 5
    table.append(2000)
    assert delivered(news, "r4") == [{"id": 2000}]


def forget_identity(world: World) -> None:
    """The last delivery's position, as the version before has written it."""
    (entry,) = (world.root / "sluice_staging").glob("staging/deliveries/e/log/*/entry.json")
    claim = json.loads(entry.read_text())
    del claim["watermark"]["feeds"]["d"]["table"]
    entry.write_text(json.dumps(claim))


@pytest.mark.slow
def test_a_position_of_an_older_version_is_accepted_once_with_a_warning(news: World) -> None:
    table = DeltaByHand.of(news)
    table.append(1)
    news.run("e", "r1")
    forget_identity(news)
    table.append(2)
    warned = news.run("e", "r2").warnings
    assert [text for text in warned if "assumes the same table" in text]
    assert news.watermarks["e"]["feeds"]["d"]["table"]
    table.append(3)
    assert news.run("e", "r3").warnings == ()


@pytest.mark.slow
def test_a_change_of_the_schema_leaves_the_identity(news: World) -> None:
    table = DeltaByHand.of(news)
    table.append(1)
    assert delivered(news) == [{"id": 1}]
    table.fields = [*table.fields, {"name": "b", "type": "string", "nullable": True, "metadata": {}}]
    table.commit(table.meta())
    table.append(2)
    assert delivered(news, "r2") == [{"id": 2, "b": None}]


@pytest.mark.slow
def test_a_window_walks_past_times_that_go_back(world: World) -> None:
    table = DeltaByHand.of(world)
    for number, at in enumerate((1, 2, 3.9, 3.2)):
        table.append(number, at=at)
    assert within(world, 3.5, 9) == [2]
    assert within(world, 3, 3.5) == [3]
    assert within(world, 0, 9) == [0, 1, 2, 3]


def test_versions_without_commit_info_have_the_time_of_their_file(world: World) -> None:
    table = DeltaByHand.of(world)
    for number, written in enumerate((10.25, 20.5, 30.75)):
        table.append(number, written=written)
    assert within(world, 10.25, 20.5) == [1]
    assert within(world, 20.4, 40) == [1, 2]


def test_the_time_within_the_commit_goes_before_the_writers_and_the_files(world: World) -> None:
    table = DeltaByHand.of(world)
    table.append(0, at=1, written=100)
    info = {"commitInfo": {"inCommitTimestamp": 5_000, "timestamp": 50_000, "operation": "WRITE"}}
    table.commit(info, table.add(pa.table({"id": [1]})), written=100)
    assert within(world, 4, 6) == [1]
    assert within(world, 40, 200) == []


def test_a_window_older_than_the_log_is_refused(world: World) -> None:
    table = DeltaByHand.of(world)
    for number in range(3):
        table.append(number, at=number + 1)
    source = source_of(world)
    pinned = source.pin()
    table.log(0).unlink()
    assert ids(source, source.between(pinned, Window(after=second(2), until=second(9)))) == [2]
    with pytest.raises(FatalError, match="the log only goes back to version 1") as refused:
        source.between(pinned, Window(after=second(1), until=second(9)))
    assert "sluice run EXPORT --mode full" in refused.value.next_step


@pytest.mark.slow
def test_a_long_log_is_walked_in_order(world: World) -> None:
    table = DeltaByHand.of(world)
    for number in range(30):
        table.append(number, at=number)
    source = source_of(world)
    pinned = source.pin()
    assert [version.id for version in source.versions(pinned)] == [str(number) for number in range(29, -1, -1)]
    assert ids(source, source.added(pinned, Position(by="snapshots", at="12"))) == list(range(13, 30))


def test_the_delivered_versions_own_json_may_go(world: World) -> None:
    table = DeltaByHand.of(world)
    for number in range(4):
        table.append(number)
    source = source_of(world)
    pinned = source.pin()
    for gone in (0, 1):
        table.log(gone).unlink()
    assert ids(source, source.added(pinned, Position(by="snapshots", at="1"))) == [2, 3]
    table.log(2).unlink()
    with pytest.raises(
        FatalError, match="does not lead from the delivered version 1 to the current version 3"
    ) as refused:
        source.added(pinned, Position(by="snapshots", at="1"))
    assert "sluice run EXPORT --mode full" in refused.value.next_step
    assert "Declaring `mode: full` does not help" in refused.value.next_step


ROWS = pa.table(
    {
        "id": pa.array([1, 2], pa.int64()),
        "v": pa.StructArray.from_arrays([[b"\x0c\x54"] * 2, [b"\x01\x00\x00"] * 2], ["value", "metadata"]),
        "variant": ["a name", "another"],
    }
)
WITH_VARIANT = [
    {"name": "id", "type": "long", "nullable": True, "metadata": {}},
    {"name": "v", "type": "variant", "nullable": True, "metadata": {}},
    {"name": "variant", "type": "string", "nullable": True, "metadata": {}},
]


@pytest.mark.slow
@pytest.mark.parametrize("copied", [False, True], ids=["in place", "copied"])
def test_a_variant_is_refused_by_name_and_only_if_it_is_delivered(world: World, copied: bool) -> None:
    table = DeltaByHand.of(world, fields=WITH_VARIANT, protocol=features("variantType"))
    table.commit(table.add(ROWS, **({"deletionVector": marks(1)} if copied else {})))
    with pytest.raises(DefinitionError, match=r"column 'v' of .*data is a VARIANT"):
        delivered(world)
    source = source_of(world)
    pinned = source.pin(open_filesystem(world, "sluice_staging", "spool"))
    found = [one for piece in pinned.slices for one in source.read(pinned, piece, ["id", "variant"])]
    assert pa.concat_tables(found).to_pylist() == ROWS.drop_columns("v").to_pylist()[: 1 if copied else 2]
    with source.scan(pinned) as rows, connect() as engine:
        engine.register("d", rows)
        assert engine.sql("select * from d where id = 1").fetchall() == [(1, "a name")]


@pytest.mark.slow
def test_to_declare_the_mode_full_is_no_way_out(news: World) -> None:
    table = DeltaByHand.of(news)
    table.append(0)
    delivered(news)
    for number in (1, 2):
        table.append(number)
    deltalake.DeltaTable(table.folder).create_checkpoint()
    for gone in (0, 1):
        table.log(gone).unlink()
    export = news.include / "exports/e.yaml"
    declared = export.read_text()
    export.write_text(declared.replace("mode: incremental", "mode: full"))
    news.now += timedelta(hours=1)
    news.run("e", "r2")
    export.write_text(declared)
    news.now += timedelta(hours=1)
    with pytest.raises(FatalError, match="does not lead from the delivered version 0 to the current version 2"):
        news.run("e", "r3")
    news.run("e", "r4", mode="full")
    table.append(3)
    assert delivered(news, "r5") == [{"id": 3}]
