"""Gzipped pages: the file that Arrow wrote, smaller, as every reader sees it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.formats.pages import GzippedPages
from sluice.model.thrift import BINARY, I16, I32, I64, LIST, STRUCT, Struct, read_struct, with_integer, write_struct

ROWS = 1_000
TABLE = pa.table(
    {
        "id": pa.array(range(ROWS), pa.int64()),
        "group": pa.array([f"group {n % 7}" for n in range(ROWS)]).dictionary_encode(),
        "text": pa.array([None if n % 5 == 0 else f"é{n}" * (n % 50) for n in range(ROWS)]),
        "none": pa.array([None] * ROWS, pa.string()),
        "flags": pa.array([[n % 2 == 0] * (n % 4) for n in range(ROWS)]),
        "place": pa.array([{"zip": str(n), "at": [n / 2, None]} for n in range(ROWS)]),
    }
)


def both(rows_in_group: int, **options: Any) -> tuple[bytes, bytes]:
    """The file as Arrow writes it, and with gzipped pages; the row groups one at a time."""
    plain, gzipped = io.BytesIO(), GzippedPages(2)
    given = []
    for sink in (plain, gzipped):
        with pq.ParquetWriter(sink, TABLE.schema, compression="none", **options) as writer:
            for start in range(0, ROWS, rows_in_group):
                writer.write_table(TABLE.slice(start, rows_in_group))
                given += gzipped.taken()
            if sink is gzipped:
                gzipped.ends()
    return plain.getvalue(), b"".join([*given, *gzipped.taken()])


@pytest.mark.slow
@pytest.mark.parametrize("rows_in_group", [ROWS, 300, 40])
@pytest.mark.parametrize("options", [{}, {"data_page_size": 100, "write_batch_size": 8}, {"use_dictionary": False}])
def test_every_reader_reads_what_arrow_wrote(tmp_path: Path, rows_in_group: int, options: dict[str, Any]) -> None:
    plain, gzipped = both(rows_in_group, **options)
    expected = pq.read_table(io.BytesIO(plain))
    path = tmp_path / "gzipped.parquet"
    path.write_bytes(gzipped)
    assert pq.read_table(io.BytesIO(gzipped)).equals(expected)
    assert pl.read_parquet(path).equals(pl.read_parquet(io.BytesIO(plain)))
    assert duckdb.read_parquet(str(path)).fetchall() == [tuple(row.values()) for row in expected.to_pylist()]


def test_a_row_group_and_a_column_are_found_without_the_others() -> None:
    plain, gzipped = (pq.ParquetFile(io.BytesIO(file)) for file in both(300))
    for group in (3, 1):
        assert gzipped.read_row_group(group, ["text", "place"]).equals(plain.read_row_group(group, ["text", "place"]))


def test_the_footer_says_what_is_there() -> None:
    plain, gzipped = both(300)
    before, after = (pq.read_metadata(io.BytesIO(file)) for file in (plain, gzipped))
    columns = [after.row_group(g).column(c) for g in range(4) for c in range(after.num_columns)]
    starts = [column.dictionary_page_offset or column.data_page_offset for column in columns]
    ends = [start + column.total_compressed_size for start, column in zip(starts, columns, strict=True)]
    assert [4, *ends[:-1]] == starts
    assert ends[-1] == len(gzipped) - 8 - int.from_bytes(gzipped[-8:-4], "little")
    assert {column.compression for column in columns} == {"GZIP"}
    assert after.schema.equals(before.schema)
    assert after.metadata == before.metadata
    for group in range(4):
        whole = [after.row_group(group).column(c).total_compressed_size for c in range(after.num_columns)]
        assert after.row_group(group).total_byte_size == before.row_group(group).total_byte_size
        assert sum(whole) < sum(before.row_group(group).column(c).total_compressed_size for c in range(len(whole)))
        assert after.row_group(group).column(0).statistics == before.row_group(group).column(0).statistics


def test_a_row_groups_size_is_that_of_its_columns() -> None:
    _, gzipped = both(300)
    fields, _ = read_struct(gzipped, len(gzipped) - 8 - int.from_bytes(gzipped[-8:-4], "little"))
    groups, metadata = fields[4][1][1], pq.read_metadata(io.BytesIO(gzipped))
    for number, group in enumerate(groups):
        columns = [metadata.row_group(number).column(c) for c in range(metadata.num_columns)]
        assert group[6][1] == sum(column.total_compressed_size for column in columns)
        assert group[5][1] == (columns[0].dictionary_page_offset or columns[0].data_page_offset)
    assert len(groups) == 4


INTEGERS = st.tuples(st.sampled_from([I16, I32, I64]), st.integers(-(2**63), 2**63 - 1))
SCALARS = st.one_of(
    INTEGERS,
    st.tuples(st.just(BINARY), st.binary(max_size=200)),
    st.tuples(st.sampled_from([1, 2]), st.none()),
    st.tuples(st.just(7), st.binary(min_size=8, max_size=8)),
)


def structs(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Struct]:
    numbered = st.dictionaries(st.integers(1, 300), values, max_size=6)
    return numbered.map(lambda fields: dict(sorted(fields.items())))


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    truth = st.tuples(st.just(1), st.lists(st.sampled_from([1, 2]), max_size=20))
    numbers = st.tuples(st.just(I64), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
    nested = st.tuples(st.just(STRUCT), st.lists(structs(values), max_size=3))
    return st.tuples(st.just(LIST), st.one_of(truth, numbers, nested))


@pytest.mark.slow
@given(structs(st.recursive(SCALARS, lambda values: st.tuples(st.just(STRUCT), structs(values)) | lists(values))))
def test_a_struct_is_read_as_it_was_written(fields: Struct) -> None:
    data = write_struct(fields)
    assert read_struct(b"before" + data + b"behind", 6) == (fields, 6 + len(data))


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=5), st.integers(-(2**31), 2**31 - 1), st.data())
def test_one_integer_is_replaced(values: list[int], value: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(1, len(values)))
    fields: Struct = {place: (I32, one) for place, one in enumerate(values, 1)} | {9: (BINARY, b"rest"), 30: (I64, 7)}
    assert with_integer(write_struct(fields), number, value) == write_struct(fields | {number: (I32, value)})


@pytest.mark.parametrize("fields", [{2: (I32, 1)}, {1: (I64, 1), 2: (I32, 1)}, {1: (BINARY, b"a"), 2: (I32, 1)}, {}])
def test_an_integer_behind_other_fields_is_not_replaced(fields: Struct) -> None:
    with pytest.raises(KeyError):
        with_integer(write_struct(fields), 2, 0)


@pytest.mark.slow
def test_a_footer_is_written_to_the_byte_as_it_was_read() -> None:
    plain, _ = both(40)
    footer = plain[-8 - int.from_bytes(plain[-8:-4], "little") : -8]
    fields, end = read_struct(footer, 0)
    assert end == len(footer)
    assert write_struct(fields) == footer
