"""Parquet columns whose types have no counterpart in what is delivered, or that are nested too deep: named, never
delivered as something else, and no obstacle to the other columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from sluice.definition.models.fields import FieldSpec
from sluice.errors import DefinitionError, FatalError
from sluice.mapping.mapper import compile_fields
from sluice.sources.parquet import Parquet, ParquetSource
from sluice.sql import connect
from tests.builders import World
from tests.unit.sources.lakes import SOURCES, delivered, world_of


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = world_of(tmp_path, "parquet")
    (world.root / "lake" / "data").mkdir()
    return world


def file(world: World, name: str = "f.parquet") -> Path:
    return world.root / "lake" / "data" / name


def by_duckdb(path: Path, select: str) -> None:
    duckdb.sql(f"copy ({select}) to '{path}' (format parquet)")


def source_of(world: World) -> ParquetSource:
    return Parquet.model_validate(SOURCES["parquet"]).open(world, dataset="d")


def only_ids(world: World) -> list[int]:
    """Read by slices and scanned: the other columns are where they were."""
    source = source_of(world)
    pinned = source.pin()
    read = [
        value
        for piece in pinned.slices
        for one in source.read(pinned, piece, ["id"])
        for value in one["id"].to_pylist()
    ]
    with source.scan(pinned) as rows, connect() as engine:
        engine.register("d", rows)
        assert sorted(engine.sql("select id from d").fetchall()) == sorted((value,) for value in read)
    return read


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "named"),
    [
        ("42::variant", "a VARIANT"),
        ("{'a': 1}::variant", "a VARIANT"),
        ("interval 3 days", "an INTERVAL"),
        ("[interval 3 days]", "an INTERVAL"),
        ("{'a': {'b': interval 3 days}}", "an INTERVAL"),
    ],
)
def test_variants_and_intervals_are_refused_by_name(world: World, column: str, named: str) -> None:
    by_duckdb(file(world), f'select 7 as id, {column} as "odd.one"')
    with pytest.raises(DefinitionError, match=rf"column 'odd\.one' of data/f\.parquet is {named}"):
        delivered(world)
    assert only_ids(world) == [7]


def test_a_variant_of_spark_before_parquet_had_them(world: World) -> None:
    value = pa.StructArray.from_arrays([[b"\x0c\x54"], [b"\x01\x00\x00"]], ["value", "metadata"])
    rows = pa.table({"id": [7], "v": value})
    schema = '{"type":"struct","fields":[{"name":"v","type":"variant","nullable":true,"metadata":{}}]}'
    pq.write_table(
        rows.replace_schema_metadata({"org.apache.spark.sql.parquet.row.metadata": schema}),
        file(world),
    )
    with pytest.raises(DefinitionError, match=r"column 'v' of data/f\.parquet is a VARIANT"):
        delivered(world)


@pytest.mark.slow
def test_a_struct_that_only_looks_like_a_variant_is_delivered(world: World) -> None:
    value = pa.StructArray.from_arrays([[b"v"], [b"m"]], ["value", "metadata"])
    pq.write_table(pa.table({"id": [7], "v": value, "twelve": pa.array([b"x" * 12], pa.binary(12))}), file(world))
    assert delivered(world) == [{"id": 7, "v": {"value": "dg==", "metadata": "bQ=="}, "twelve": "eHh4eHh4eHh4eHh4"}]


@pytest.mark.slow
@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_a_column_that_only_one_file_cannot_hand_on(world: World, order: tuple[str, str]) -> None:
    first, second = order
    by_duckdb(file(world, f"{first}.parquet"), "select 1 as id, interval 3 days as i")
    pq.write_table(pa.table({"id": pa.array([2], pa.int32())}), file(world, f"{second}.parquet"))
    with pytest.raises(DefinitionError, match=rf"column 'i' of data/{first}\.parquet is an INTERVAL"):
        delivered(world)
    assert sorted(only_ids(world)) == [1, 2]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_a_column_that_is_something_else_in_another_file(world: World, order: tuple[str, str]) -> None:
    first, second = order
    by_duckdb(file(world, f"{first}.parquet"), "select 1 as id, interval 3 days as i")
    schema = pa.schema([pa.field("id", pa.int32(), nullable=False), pa.field("i", pa.binary())])
    pq.write_table(pa.table({"id": [2], "i": [b"bytes"]}, schema=schema), file(world, f"{second}.parquet"))
    with pytest.raises(DefinitionError, match=rf"column 'i' of data/{first}\.parquet is an INTERVAL"):
        delivered(world)


def test_the_refusal_comes_before_anything_is_sent(world: World) -> None:
    by_duckdb(file(world), "select 7 as id, 42::variant as v")
    with pytest.raises(DefinitionError, match="'v' of"):
        world.extract("e")
    schema = source_of(world).pin().schema
    chosen = TypeAdapter(list[FieldSpec]).validate_python([{"field": "id"}, {"sql": "v", "as": "x"}])
    assert compile_fields(chosen[:1], schema, dataset="d").columns == ("id",)
    with pytest.raises(DefinitionError, match="'v' of"):
        compile_fields(chosen, schema, dataset="d")


@pytest.mark.parametrize("kind", [pl.Int128, pl.UInt128], ids=str)
def test_a_type_that_arrow_does_not_have_is_named_with_its_file_and_column(world: World, kind: Any) -> None:
    pl.DataFrame({"id": [1], "big": pl.Series([2**100], dtype=kind)}).write_parquet(file(world))
    with pytest.raises(
        FatalError, match=rf"column 'big' of data/f\.parquet is of type {kind}, which Arrow does not have"
    ):
        delivered(world)


def nested(levels: int, kind: str) -> pa.Table:
    type_, value = pa.int64(), 7
    for _ in range(levels):
        type_, value = (pa.list_(type_), [value]) if kind == "list" else (pa.struct([("a", type_)]), {"a": value})
    return pa.table({"id": pa.array([1], pa.int64()), "deep": pa.array([value], type_)})


@pytest.mark.parametrize("store_schema", [True, False], ids=["with Arrow's schema", "plain"])
@pytest.mark.parametrize("kind", ["list", "struct"])
@pytest.mark.parametrize("levels", [61, 90, 140, 200])
def test_valid_nesting_is_called_too_deep_and_not_corrupt(
    world: World, levels: int, kind: str, store_schema: bool
) -> None:
    pq.write_table(nested(levels, kind), file(world), store_schema=store_schema)
    with pytest.raises((DefinitionError, FatalError)) as refused:
        delivered(world)
    assert (
        f"column 'deep' of data/f.parquet is nested {levels} levels deep, but at most 60 are supported"
        in refused.value.what
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["list", "struct"])
def test_the_deepest_nesting_that_is_read_is_delivered(world: World, kind: str) -> None:
    rows = nested(60, kind)
    pq.write_table(rows, file(world))
    assert delivered(world) == rows.to_pylist()


@pytest.mark.slow
def test_columns_beside_one_that_is_too_deep_are_read(world: World) -> None:
    pq.write_table(nested(90, "struct"), file(world))
    assert only_ids(world) == [1]
