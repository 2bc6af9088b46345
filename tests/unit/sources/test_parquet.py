"""Parquet files that differ, that break, and that lie in folders."""

from __future__ import annotations

import datetime
import os
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.errors import DefinitionError, FatalError
from sluice.model.access import FolderAccess
from sluice.sources.base import Slice
from sluice.sources.parquet import Parquet, ParquetSource
from sluice.sql import connect


class Lake:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, conn_id: str) -> FolderAccess:
        assert conn_id == "lake"
        return FolderAccess(self.folder)

    def put(self, name: str, table: pa.Table, **options: object) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, **options)
        return path

    def source(self, path: str = "d", **declared: object) -> ParquetSource:
        return Parquet.model_validate({"airflow_conn_id": "lake", "path": path, **declared}).open(self, dataset="d")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def _only(piece: Slice, number: int) -> Slice:
    """One of the slice's row groups."""
    return piece.model_copy(update={"index": piece.index + number, "count": 1})


def rows(source: ParquetSource) -> list[dict[str, object]]:
    pinned = source.pin()
    tables = [table for piece in pinned.slices for table in source.read(pinned, piece, None)]
    assert all(table.schema == pinned.schema for table in tables)
    return [row for table in tables for row in table.to_pylist()]


class TestDifferingFiles:
    def test_numbers_widen_and_columns_come_and_go(self, lake: Lake) -> None:
        lake.put(
            "d/1.parquet", pa.table({"n": pa.array([1], pa.int32()), "gone": ["x"], "f": pa.array([1.5], pa.float32())})
        )
        lake.put("d/2.parquet", pa.table({"n": pa.array([2**40]), "f": pa.array([0.1]), "new": pa.array([True])}))
        lake.put("d/3.parquet", pa.table({"n": pa.array([None], pa.null()), "f": pa.array([None], pa.null())}))
        source = lake.source()
        assert source.pin().schema == pa.schema(
            [("n", pa.int64()), ("gone", pa.string()), ("f", pa.float64()), ("new", pa.bool_())]
        )
        assert rows(source) == [
            {"n": 1, "gone": "x", "f": 1.5, "new": None},
            {"n": 2**40, "gone": None, "f": 0.1, "new": True},
            {"n": None, "gone": None, "f": None, "new": None},
        ]

    def test_nested_fields_widen_too(self, lake: Lake) -> None:
        small = pa.list_(pa.struct([("a", pa.int16())]))
        large = pa.list_(pa.struct([("a", pa.int64()), ("b", pa.string())]))
        lake.put("d/1.parquet", pa.table({"s": pa.array([[{"a": 1}], None], small)}))
        lake.put("d/2.parquet", pa.table({"s": pa.array([[{"a": 2, "b": "x"}]], large)}))
        assert rows(lake.source()) == [{"s": [{"a": 1, "b": None}]}, {"s": None}, {"s": [{"a": 2, "b": "x"}]}]

    @pytest.mark.parametrize(
        ("first", "second", "both"),
        [
            (pa.decimal128(10, 2), pa.decimal128(12, 4), pa.decimal128(12, 4)),
            (pa.decimal128(38, 0), pa.decimal128(38, 10), pa.decimal256(48, 10)),
            (pa.timestamp("ms", "UTC"), pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC")),
            (pa.dictionary(pa.int32(), pa.string()), pa.string(), pa.string()),
            (pa.string(), pa.large_string(), pa.large_string()),
        ],
        ids=str,
    )
    def test_types_that_go_together(
        self, lake: Lake, first: pa.DataType, second: pa.DataType, both: pa.DataType
    ) -> None:
        lake.put("d/1.parquet", pa.table({"v": pa.array([None], first)}))
        lake.put("d/2.parquet", pa.table({"v": pa.array([None], second)}))
        assert lake.source().pin().schema.field("v").type == both
        assert rows(lake.source()) == [{"v": None}] * 2

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (pa.int64(), pa.float64()),
            (pa.int64(), pa.string()),
            (pa.int64(), pa.uint64()),
            (pa.date32(), pa.timestamp("us")),
            (pa.timestamp("us"), pa.timestamp("us", "UTC")),
            (pa.decimal128(12, 2), pa.float64()),
            (pa.string(), pa.binary()),
            (pa.struct([("a", pa.int64())]), pa.struct([("a", pa.string())])),
        ],
        ids=str,
    )
    def test_types_that_do_not_go_together_name_both_files(
        self, lake: Lake, first: pa.DataType, second: pa.DataType
    ) -> None:
        lake.put("d/1.parquet", pa.table({"other": [1]}))
        lake.put("d/2.parquet", pa.table({"v": pa.array([None], first)}))
        lake.put("d/3.parquet", pa.table({"v": pa.array([None], second)}))
        with pytest.raises(FatalError) as clash:
            lake.source().pin()
        page = str(clash.value)
        assert "column 'v'" in page
        assert f"{first} in d/2.parquet and {second} in d/3.parquet" in page


class TestBrokenFiles:
    def test_a_path_without_anything(self, lake: Lake) -> None:
        with pytest.raises(FatalError, match=r"dataset d: no file or folder at .*/d\n"):
            lake.source().pin()

    def test_a_folder_without_parquet(self, lake: Lake) -> None:
        (lake.folder / "d").mkdir()
        (lake.folder / "d" / "x.csv").write_text("a,b")
        with pytest.raises(FatalError, match="no Parquet file in"):
            lake.source().pin()

    @pytest.mark.parametrize("body", [b"", b"PAR1", b"a,b\n1,2\n" * 99, b"PAR1" + b"x" * 99 + b"PARE"])
    def test_a_file_that_is_not_parquet(self, lake: Lake, body: bytes) -> None:
        lake.put("d/1.parquet", pa.table({"a": [1]}))
        (lake.folder / "d" / "2.parquet").write_bytes(body)
        with pytest.raises(FatalError, match=r"d/2\.parquet is not a readable Parquet file"):
            lake.source().pin()

    @pytest.mark.parametrize("place", [-6, -60])
    def test_a_corrupt_footer(self, lake: Lake, place: int) -> None:
        path = lake.put("d/1.parquet", pa.table({"a": list(range(99))}))
        body = bytearray(path.read_bytes())
        body[place] ^= 0xFF
        path.write_bytes(body)
        with pytest.raises(FatalError, match=r"d/1\.parquet (is corrupt: its footer|is not a readable Parquet file)"):
            lake.source().pin()

    @pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
    def test_a_flipped_byte_in_a_page_names_file_and_row_group(self, lake: Lake, compression: str) -> None:
        table = pa.table({"a": [f"value {n % 977}" for n in range(5_000)]})
        path = lake.put("d/1.parquet", table, row_group_size=2_500, compression=compression, write_page_checksum=True)
        second = pq.ParquetFile(path).metadata.row_group(1).column(0)
        body = bytearray(path.read_bytes())
        body[(second.dictionary_page_offset or second.data_page_offset) + second.total_compressed_size // 2] ^= 0xFF
        path.write_bytes(body)
        source = lake.source()
        pinned = source.pin()
        assert sum(t.num_rows for t in source.read(pinned, _only(pinned.slices[0], 0), None)) == 2_500
        for piece in (pinned.slices[0], _only(pinned.slices[0], 1)):
            with pytest.raises(FatalError, match=r"dataset d: d/1\.parquet is corrupt: row group 1 cannot be read"):
                list(source.read(pinned, piece, None))

    def test_text_that_is_no_utf8_names_the_column(self, lake: Lake) -> None:
        text = pa.array([b"ok", b"\xff\xfe"], pa.binary()).view(pa.string())
        lake.put("d/1.parquet", pa.table({"n": [1, 2], "who": text}))
        with pytest.raises(FatalError, match=r"d/1\.parquet is corrupt: row group 0 .*column 'who'"):
            rows(lake.source())

    def test_a_file_truncated_after_it_was_pinned(self, lake: Lake) -> None:
        path = lake.put("d/1.parquet", pa.table({"a": list(range(999))}))
        source = lake.source()
        pinned = source.pin()
        list(source.read(pinned, pinned.slices[0], None))
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(FatalError, match=r"d/1\.parquet"):
            list(source.read(pinned, pinned.slices[0], None))

    def test_a_rewrite_of_the_same_size_and_time_is_seen(self, lake: Lake) -> None:
        path = lake.put("d/1.parquet", pa.table({"a": [1, 2, 3]}))
        before = path.stat()
        pinned = lake.source().pin()
        lake.put("d/1.parquet", pa.table({"a": [1, 2, 4]}))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        with pytest.raises(FatalError, match="was overwritten"):
            list(lake.source().read(pinned, pinned.slices[0], None))


class TestPartitions:
    def test_types_are_inferred_where_every_value_agrees(self, lake: Lake) -> None:
        one = pa.table({"v": [1]})
        lake.put("d/year=2025/month=01/day=2025-01-31/code=7/1.parquet", one)
        lake.put("d/year=2026/month=12/day=2026-12-01/code=x%2Fy/1.parquet", one)
        lake.put("d/year=2026/month=12/day=__HIVE_DEFAULT_PARTITION__/code=__HIVE_DEFAULT_PARTITION__/1.parquet", one)
        date = datetime.date
        assert rows(lake.source()) == [
            {"v": 1, "year": 2025, "month": "01", "day": date(2025, 1, 31), "code": "7"},
            {"v": 1, "year": 2026, "month": "12", "day": date(2026, 12, 1), "code": "x/y"},
            {"v": 1, "year": 2026, "month": "12", "day": None, "code": None},
        ]

    def test_declared_types_hold(self, lake: Lake) -> None:
        lake.put("d/n=1/b=true/1.parquet", pa.table({"v": [1]}))
        assert rows(lake.source(partitions={"n": "string", "b": "boolean"})) == [{"v": 1, "n": "1", "b": True}]

    @pytest.mark.parametrize(("type_", "value"), [("integer", "one"), ("date", "2026-02-30"), ("boolean", "1")])
    def test_a_value_that_does_not_parse_names_the_folder(self, lake: Lake, type_: str, value: str) -> None:
        lake.put(f"d/k={value}/1.parquet", pa.table({"v": [1]}))
        refusal = rf"dataset d: the folder k={value} of k={value}/1\.parquet is not a valid {type_}"
        with pytest.raises(FatalError, match=refusal):
            lake.source(partitions={"k": type_}).pin()

    def test_a_declared_partition_that_no_folder_has(self, lake: Lake) -> None:
        lake.put("d/k=1/1.parquet", pa.table({"v": [1]}))
        with pytest.raises(DefinitionError, match="declares the partition 'kk'"):
            lake.source(partitions={"kk": "integer"}).pin()

    def test_files_outside_the_folders_are_named(self, lake: Lake) -> None:
        lake.put("d/k=1/1.parquet", pa.table({"v": [1]}))
        lake.put("d/z.parquet", pa.table({"v": [1]}))
        with pytest.raises(FatalError, match=r"different partition folders: k=1/1\.parquet and z\.parquet"):
            lake.source().pin()

    def test_the_folder_stands_where_the_file_has_the_column_too(self, lake: Lake) -> None:
        lake.put("d/k=1/1.parquet", pa.table({"k": ["other"], "v": [1]}))
        assert rows(lake.source()) == [{"v": 1, "k": 1}]

    def test_folders_above_the_dataset_are_no_partitions(self, lake: Lake) -> None:
        lake.put("k=1/d/1.parquet", pa.table({"v": [1]}))
        assert rows(lake.source("k=1/d")) == [{"v": 1}]


@pytest.mark.slow
def test_a_large_row_group_comes_as_many_tables(lake: Lake) -> None:
    lake.put("d/1.parquet", pa.table({"v": pa.array(range(400_000)), "k": ["x"] * 400_000}), row_group_size=400_000)
    source = lake.source()
    pinned = source.pin()
    assert [piece.records for piece in pinned.slices] == [400_000]
    tables = list(source.read(pinned, pinned.slices[0], ["v"]))
    assert max(table.num_rows for table in tables) <= 65_536
    assert pa.concat_tables(tables)["v"].to_pylist() == list(range(400_000))


def test_old_timestamps_keep_their_year(lake: Lake) -> None:
    early = datetime.datetime(1, 1, 1)
    table = pa.table({"t": pa.array([early, datetime.datetime(2026, 1, 1)], pa.timestamp("us"))})
    lake.put("d/1.parquet", table, use_deprecated_int96_timestamps=True)
    assert rows(lake.source())[1] == {"t": datetime.datetime(2026, 1, 1)}


@pytest.mark.parametrize("path", ["../d", "/etc", "a/../../d", "a\\b"])
def test_a_path_never_leads_out_of_the_connection(lake: Lake, path: str) -> None:
    with pytest.raises(DefinitionError, match="not a path below the connection's folder"):
        lake.source(path).pin()


def test_a_uuid_stays_one_and_json_is_text(lake: Lake) -> None:
    one = uuid.UUID(int=7)
    stored = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one.bytes, None], pa.binary(16)))
    json = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}', None]))
    lake.put("d/1.parquet", pa.table({"u": stored, "j": json, "s": pa.StructArray.from_arrays([stored], ["u"])}))
    source = lake.source()
    pinned = source.pin()
    assert pinned.schema.types == [pa.uuid(), pa.string(), pa.struct([("u", pa.uuid())])]
    assert rows(source) == [{"u": one, "j": '{"a": 1}', "s": {"u": one}}, {"u": None, "j": None, "s": {"u": None}}]
    with source.scan(pinned) as scanned, connect() as engine:
        engine.register("d", scanned)
        assert engine.sql("select u, j from d where u::text like '%7'").fetchall() == [(one, '{"a": 1}')]
