"""A column is null only where the file lacks it, by every identity that it has."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.errors import FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import FolderAccess
from sluice.sources.file_set import FileSet
from sluice.sources.parquet import Parquet, ParquetSource


class Lake:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, conn_id: str) -> FolderAccess:
        return FolderAccess(self.folder)

    def put(self, name: str, table: pa.Table) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)

    def source(self) -> ParquetSource:
        return Parquet.model_validate({"airflow_conn_id": "lake", "path": "d"}).open(self, dataset="d")

    def rows(self) -> list[dict[str, object]]:
        source = self.source()
        pinned = source.pin()
        return [
            row for piece in pinned.slices for table in source.read(pinned, piece, None) for row in table.to_pylist()
        ]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def numbered(**columns: int) -> pa.Table:
    """A table whose columns have these numbers."""
    fields = [pa.field(name, pa.int64(), metadata={"PARQUET:field_id": str(n)}) for name, n in columns.items()]
    return pa.table([pa.array([n]) for n in columns.values()], schema=pa.schema(fields))


def test_a_column_in_another_case_in_a_later_file_is_refused_with_both(lake: Lake) -> None:
    lake.put("d/1.parquet", pa.table({"id": [1], "name": ["a"]}))
    lake.put("d/2.parquet", pa.table({"ID": [2], "NAME": ["b"]}))
    with pytest.raises(FatalError, match=r"column 'id' of d/1\.parquet is 'ID' in d/2\.parquet"):
        lake.source().pin()


def test_a_structs_field_in_another_case_in_a_later_file_is_refused(lake: Lake) -> None:
    lake.put("d/1.parquet", pa.table({"s": [{"zip": 1}]}))
    lake.put("d/2.parquet", pa.table({"s": [{"Zip": 2}]}))
    with pytest.raises(FatalError, match=r"struct<zip: int64> in d/1\.parquet and struct<Zip: int64> in d/2\.parquet"):
        lake.source().pin()


def test_names_side_by_side_in_one_file_are_two_columns(lake: Lake) -> None:
    lake.put("d/1.parquet", pa.table({"Email": ["A"], "email": ["a"]}))
    lake.put("d/2.parquet", pa.table({"Email": ["B"]}))
    assert lake.rows() == [{"Email": "A", "email": "a"}, {"Email": "B", "email": None}]


def test_a_folder_and_a_column_in_two_cases_are_two_columns(lake: Lake) -> None:
    lake.put("d/day=1/1.parquet", pa.table({"Day": ["mon"]}))
    assert lake.rows() == [{"Day": "mon", "day": 1}]


def test_two_columns_of_one_name_are_refused(lake: Lake) -> None:
    lake.put("d/1.parquet", pa.table([pa.array([1]), pa.array([2])], names=["id", "id"]))
    with pytest.raises(FatalError, match=r"d/1\.parquet has two columns named 'id'"):
        lake.source().pin()


def test_a_numbered_column_under_another_name_is_refused(lake: Lake) -> None:
    lake.put("d/1.parquet", numbered(id=1, name=2))
    lake.put("d/2.parquet", numbered(id=1, full_name=2))
    with pytest.raises(FatalError, match=r"column 2 is named 'name' in d/1\.parquet but 'full_name' in d/2\.parquet"):
        lake.source().pin()


def test_numbers_that_only_count_columns_say_nothing(lake: Lake) -> None:
    lake.put("d/1.parquet", numbered(id=1, name=2))
    lake.put("d/2.parquet", numbered(new=1, id=2, name=3))
    assert lake.rows() == [{"id": 1, "name": 2, "new": None}, {"id": 2, "name": 3, "new": 1}]


@pytest.mark.parametrize(
    ("identity", "held"),
    [
        ({"PARQUET:field_id": "7"}, numbered(before=7)),
        ({"delta.columnMapping.physicalName": "col-1"}, pa.table({"col-1": [1]})),
        ({}, pa.table({"NAME": [1]})),
    ],
    ids=["number", "physical name", "case"],
)
def test_a_tables_column_that_a_file_holds_under_another_name_is_not_null(
    lake: Lake, identity: dict[str, str], held: pa.Table
) -> None:
    lake.put("1.parquet", held)
    files = FileSet(open_filesystem(lake, "lake", "", read_only=True), dataset="d")
    schema = pa.schema([pa.field("name", pa.int64(), metadata=identity)])
    with pytest.raises(FatalError, match=rf"1\.parquet has no column 'name', but a column '{held.column_names[0]}'"):
        files.pinned(files.entries(["1.parquet"]), schema)


def test_a_tables_column_that_a_file_lacks_is_null(lake: Lake) -> None:
    lake.put("1.parquet", numbered(id=1))
    files = FileSet(open_filesystem(lake, "lake", "", read_only=True), dataset="d")
    schema = pa.schema([pa.field("name", pa.int64(), metadata={"PARQUET:field_id": "7"})])
    pinned = files.pinned(files.entries(["1.parquet"]), schema)
    assert [table.to_pydict() for table in files.read(pinned, pinned.slices[0], None, {})] == [{"name": [None]}]


@pytest.mark.parametrize("name", ["^a.*$", "*", "a.b", ""])
def test_a_name_is_no_pattern(lake: Lake, name: str) -> None:
    lake.put("d/1.parquet", pa.table({"ab": [1], name: [2]}))
    source = lake.source()
    pinned = source.pin()
    (table,) = source.read(pinned, pinned.slices[0], [name])
    assert table.to_pydict() == {name: [2]}


def test_what_a_decoder_leaves_out_is_not_null(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.put("d/1.parquet", pa.table({"a": [1], "b": [2]}))
    source = lake.source()
    pinned = source.pin()
    monkeypatch.setattr("sluice.sources.row_groups.read_group", lambda *_: (pa.table({"a": [1]}), 8))
    with pytest.raises(FatalError, match="column 'b' was not decoded"):
        list(source.read(pinned, pinned.slices[0], ["a", "b"]))
