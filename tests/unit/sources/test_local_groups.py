"""Local Parquet files as Polars decodes them: the same rows as pyarrow's, or left to pyarrow."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.model.access import FolderAccess
from sluice.model.layout import same_values
from sluice.sources import local_groups
from sluice.sources.local_groups import read_group
from sluice.sources.parquet import Parquet

UTC = pa.timestamp("us", tz="UTC")
NOON = datetime.datetime(2026, 3, 29, 12, 30, 0, 123456, datetime.UTC)
FAST = {
    "int8": pa.array([-128, None, 127], pa.int8()),
    "uint64": pa.array([0, None, 2**64 - 1], pa.uint64()),
    "float": pa.array([1.5, None, float("nan")], pa.float32()),
    "boolean": pa.array([True, None, False]),
    "text": pa.array(["grüße 你好 🎉", None, ""]),
    "large text": pa.array(["a", None, "b" * 999], pa.large_string()),
    "bytes": pa.array([b"\xff\x00", None, b""]),
    "date": pa.array([datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)]),
    "instant": pa.array([NOON, None, NOON], UTC),
    "local time": pa.array([NOON.replace(tzinfo=None), None, None], pa.timestamp("ns")),
    "decimal": pa.array([decimal.Decimal("-1.50"), None, decimal.Decimal("9" * 30 + ".99")], pa.decimal128(38, 2)),
    "list": pa.array([["a", None], None, []]),
    "struct": pa.array([{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}]),
    "structs in a list": pa.array([[{"a": "x"}, None], [], None]),
}
SLOW = {
    "dictionary": pa.array(["a", None, "b"]).dictionary_encode(),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "another zone": pa.array([NOON, None, NOON], pa.timestamp("us", tz="Europe/Berlin")),
    "time": pa.array([datetime.time(1, 2), None, None], pa.time64("us")),
    "fixed bytes": pa.array([b"ab", None, b"cd"], pa.binary(2)),
    "views": pa.array(["a", None, "b"], pa.string_view()),
    "half": pa.array([1.0, None, 2.0], pa.float16()),
}


def is_fast(file: pq.ParquetFile, path: str) -> bool:
    return local_groups.is_fast(file.metadata, file.schema_arrow.types, path)


def put(folder: Path, table: pa.Table, **options: object) -> Path:
    path = folder / "d.parquet"
    pq.write_table(table, path, **options)
    return path


@pytest.mark.parametrize("name", FAST)
def test_what_polars_reads_is_what_pyarrow_reads(tmp_path: Path, name: str) -> None:
    table = pa.table({"n": [1, 2, 3], name: FAST[name]})
    path = put(tmp_path, table, row_group_size=2)
    assert is_fast(pq.ParquetFile(path), str(path))
    groups = [group[0] for one in ((0, 2), (2, 1)) if (group := read_group(str(path), *one, None))]
    read = pa.concat_tables(groups)
    assert same_values(read.schema.field(name).type, table.schema.field(name).type)
    assert str(read.to_pylist()) == str(table.to_pylist())  # as text, for NaN is not itself


@pytest.mark.parametrize("name", SLOW)
def test_other_types_are_left_to_pyarrow(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, pa.table({name: SLOW[name]}))
    assert not is_fast(pq.ParquetFile(path), str(path))


@pytest.mark.parametrize(
    "options",
    [
        {"write_page_checksum": True},
        {"write_page_checksum": True, "use_dictionary": False},
        {"write_page_checksum": True, "data_page_version": "2.0"},
    ],
)
def test_files_with_checksums_are_left_to_pyarrow(tmp_path: Path, options: dict[str, object]) -> None:
    table = pa.table({"a": ["x", "y"]})
    assert not is_fast(pq.ParquetFile(path := put(tmp_path, table, **options)), str(path))
    without = {name: value for name, value in options.items() if name != "write_page_checksum"}
    assert is_fast(pq.ParquetFile(path := put(tmp_path, table, **without)), str(path))


def test_int96_reaches_beyond_nanoseconds(tmp_path: Path) -> None:
    table = pa.table({"t": pa.array([datetime.datetime(1, 1, 1)], pa.timestamp("us"))})
    path = put(tmp_path, table, use_deprecated_int96_timestamps=True)
    assert not is_fast(pq.ParquetFile(path), str(path))


@pytest.mark.slow
def test_files_of_very_many_row_groups(tmp_path: Path) -> None:
    table = pa.table({f"c{n}": list(range(201)) for n in range(100)})
    path = put(tmp_path, table, row_group_size=1)
    assert not is_fast(pq.ParquetFile(path), str(path))


def _short(*_: object) -> None:
    """Polars cannot read it."""


@pytest.mark.parametrize("as_decoded", [True, False])
def test_a_source_gives_the_same_rows_either_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, as_decoded: bool
) -> None:
    class Lake:
        def get(self, _: str) -> FolderAccess:
            return FolderAccess(tmp_path)

    table = pa.table(FAST)
    put(tmp_path, table, row_group_size=2)
    source = Parquet.model_validate({"airflow_conn_id": "lake", "path": "d.parquet"}).open(Lake(), dataset="d")
    pinned = source.pin()

    def read() -> pa.Table:
        pieces = [source.read(pinned, piece, ["text", "struct"], as_decoded=as_decoded) for piece in pinned.slices]
        return pa.concat_tables([one for tables in pieces for one in tables])

    fast, slow = read(), _with(monkeypatch, _short, read)
    assert fast.to_pylist() == slow.to_pylist() == table.select(["text", "struct"]).to_pylist()
    assert (fast.schema.field("text").type == pa.string_view()) == as_decoded
    assert slow.schema.field("text").type == pa.string()


def _with(
    monkeypatch: pytest.MonkeyPatch, reader: Callable[..., tuple[pa.Table, int] | None], act: Callable[[], pa.Table]
) -> pa.Table:
    with monkeypatch.context() as patch:
        patch.setattr("sluice.sources.row_groups.read_group", reader)
        return act()


def test_polars_refusing_is_not_the_end(tmp_path: Path) -> None:
    path = put(tmp_path, pa.table({"a": ["x" * 100, "y" * 100]}), compression="zstd")
    body = bytearray(path.read_bytes())
    body[20:60] = bytes(40)
    path.write_bytes(body)
    assert local_groups.read_group(str(path), 0, 2, None) is None
    assert local_groups.read_group(str(tmp_path / "gone.parquet"), 0, 2, None) is None


def test_a_file_of_fewer_rows_than_were_counted_is_left_to_pyarrow(tmp_path: Path) -> None:
    path = put(tmp_path, pa.table({"a": [1, 2]}))
    assert read_group(str(path), 0, 3, None) is None
