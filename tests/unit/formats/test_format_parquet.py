"""What Parquet promises beyond the exam: row groups, codecs, dictionaries."""

from __future__ import annotations

import gc
import hashlib
import io
import sys
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from sluice.errors import DefinitionError
from sluice.formats.parquet import Parquet
from sluice.formats.row_groups import BATCH, PAGE_ROWS
from sluice.testing.formats import write


def written(*tables: pa.Table, **options: Any) -> pq.ParquetFile:
    encoder = Parquet(type="parquet", **options).encoder(tables[0].schema)
    pieces = [piece for table in tables for piece in encoder.encode(table)]
    return pq.ParquetFile(io.BytesIO(b"".join([*pieces, *encoder.close()])))


def groups(file: pq.ParquetFile) -> list[int]:
    return [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]


@pytest.mark.parametrize("sizes", [[25], [10, 15], [1] * 25, [24, 1], [0, 25, 0]])
def test_row_groups_depend_on_the_rows_alone(sizes: list[int]) -> None:
    tables, start = [], 0
    for size in sizes:
        tables.append(pa.table({"a": range(start, start + size)}, schema=pa.schema([("a", pa.int64())])))
        start += size
    file = written(*tables, row_group=10)
    assert groups(file) == [10, 10, 5]
    assert file.read()["a"].to_pylist() == list(range(25))


@pytest.mark.parametrize("columns", [1, 8])
def test_an_encoder_that_is_abandoned_in_the_middle_of_a_file_ends_quietly(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrow's writer writes its footer when it is collected: the sink took it for a page."""
    raised: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", raised.append)
    table = pa.table({f"c{number}": [0, number] for number in range(columns)} | {"name": ["x0", "x1"]})
    encoder = Parquet(type="parquet", row_group=2).encoder(table.schema)
    assert list(encoder.encode(table))
    del encoder
    gc.collect()
    assert raised == []


@pytest.mark.slow
@pytest.mark.parametrize("cuts", [[1, 9_000, 23_456, 23_457, 41_000], [4_096, 20_480, 40_960], [39_999, 40_001]])
def test_bytes_depend_on_the_rows_alone(cuts: list[int]) -> None:
    """Arrow's writer starts a new batch where an array starts; where a batch ends, it may end a page or give up a
    dictionary."""
    rows = 50_000
    wide = [f"{i:060}" for i in range(rows)]  # a page of these is full before it has 20,000 rows
    late = [text if i > 6_000 else "few" for i, text in enumerate(wide)]  # a dictionary that grows too large
    columns = {
        "wide": pa.array(wide),
        "late": pa.array(late),
        "few": pa.array([f"f{i % 50}" if i % 3 else None for i in range(rows)]),
        "place": pa.array([{"late": text, "flag": text < "1"} for text in late]),
        "list": pa.array([[text] * (i % 3) for i, text in enumerate(late)]),
        "deep": pa.array([{"list": [i] * (i % 4)} for i in range(rows)]),
    }
    table = pa.table(columns)
    pieces = [table.slice(start, end - start) for start, end in pairwise([0, *cuts, rows])]
    copies = [pa.Table.from_batches(piece.combine_chunks().to_batches()) for piece in pieces]
    for form in (Parquet(type="parquet"), Parquet(type="parquet", compression="none", row_group=30_001)):
        whole = hashlib.sha256(write(form, table)).digest()
        assert hashlib.sha256(write(form, *pieces)).digest() == whole
        assert hashlib.sha256(write(form, *copies)).digest() == whole


def test_every_batch_ends_where_a_page_may_end() -> None:
    assert PAGE_ROWS % BATCH == 0


def test_rows_leave_as_soon_as_a_row_group_is_full() -> None:
    encoder = Parquet(type="parquet", row_group=10).encoder(pa.schema([("a", pa.int64())]))
    assert list(encoder.encode(pa.table({"a": range(9)}))) == []
    assert sum(map(len, encoder.encode(pa.table({"a": range(2)})))) > 50


@pytest.mark.parametrize(
    ("compression", "ending", "codec"),
    [("none", ".parquet", "UNCOMPRESSED"), ("gzip", ".gz.parquet", "GZIP"), ("snappy", ".snappy.parquet", "SNAPPY"),
     ("zstd", ".zstd.parquet", "ZSTD")],
)  # fmt: skip
def test_codecs(compression: str, ending: str, codec: str) -> None:
    assert Parquet(type="parquet", compression=compression).extension == ending
    file = written(pa.table({"a": [1, 2]}), compression=compression)
    assert file.metadata.row_group(0).column(0).compression == codec


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "gzip", "compression_level": -1},
        {"compression": "gzip", "compression_level": 4},
        {"compression": "zstd", "compression_level": 23},
        {"compression": "snappy", "compression_level": 1},
        {"compression": "none", "compression_level": 1},
    ],
)
def test_levels_that_a_codec_has_not(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="compression_level"):
        Parquet(type="parquet", **options)


def test_a_higher_level_makes_a_smaller_file() -> None:
    table = pa.table({"a": [f"value {i * 7919 % 10007}" for i in range(40_000)]})
    low, high = (
        written(table, compression_level=level).metadata.row_group(0).column(0).total_compressed_size
        for level in (0, 3)
    )
    assert high < low


def test_only_columns_that_repeat_get_a_dictionary() -> None:
    rows = 20_000
    table = pa.table(
        {
            "unique": [f"u{i}" for i in range(rows)],
            "few": [f"f{i % 50}" for i in range(rows)],
            "deep": [{"unique": i, "few": [i % 3]} for i in range(rows)],
            "map": pa.array([[("k", i)] for i in range(rows)], pa.map_(pa.string(), pa.int64())),
        }
    )
    group = written(table).metadata.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    assert {column.path_in_schema: column.has_dictionary_page for column in columns} == {
        "unique": False,
        "few": True,
        "deep.unique": False,
        "deep.few.list.element": True,
        "map.key_value.key": True,
        "map.key_value.value": False,
    }


def test_statistics_are_there_for_readers_that_skip() -> None:
    column = written(pa.table({"a": [3, 1, None]})).metadata.row_group(0).column(0)
    assert (column.statistics.min, column.statistics.max, column.statistics.null_count) == (1, 3, 1)


def test_a_struct_without_fields() -> None:
    with pytest.raises(DefinitionError, match="a struct without fields"):
        Parquet(type="parquet").check(pa.schema([("s", pa.struct([]))]))


def test_an_empty_part_keeps_its_schema() -> None:
    schema = pa.schema([("a", pa.dictionary(pa.int32(), pa.string())), ("b", pa.list_view(pa.int64()))])
    file = written(schema.empty_table())
    assert file.metadata.num_rows == 0
    assert [str(kind) for kind in file.schema_arrow.types] == ["string", "large_list<element: int64>"]
