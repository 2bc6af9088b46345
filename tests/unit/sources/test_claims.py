"""What a footer claims is checked against the file before anything is sized by it."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.errors import FatalError
from sluice.model.access import FolderAccess
from sluice.model.thrift import I32, I64, read_struct, write_struct
from sluice.sources.claims import _pages
from sluice.sources.parquet import Parquet, ParquetSource

_ROWS, _GROUPS, _GROUP_ROWS = 3, 4, 3
"""Fields of the footer, and of a row group in it (parquet.thrift)."""


class Lake:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "d.parquet"

    def get(self, _: str) -> FolderAccess:
        return FolderAccess(self.path.parent)

    def source(self, **declared: object) -> ParquetSource:
        config = {"airflow_conn_id": "lake", "path": self.path.name, **declared}
        return Parquet.model_validate(config).open(self, dataset="d")

    def claim(self, *, whole: int | None = None, group: int | None = None) -> None:
        """Write other numbers of rows into the footer: of the file, and of its first row group."""
        data = self.path.read_bytes()
        start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
        footer, _ = read_struct(data, start)
        if whole is not None:
            footer[_ROWS] = I64, whole
        if group is not None:
            footer[_GROUPS][1][1][0][_GROUP_ROWS] = I64, group
        written = write_struct(footer)
        self.path.write_bytes(data[:start] + written + len(written).to_bytes(4, "little") + b"PAR1")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(tmp_path)
    pq.write_table(pa.table({"id": [1, 2, 3], "text": ["a", "b", "c"]}), made.path)
    return made


def test_2_to_the_40_rows_are_corrupt_at_once(lake: Lake) -> None:
    lake.claim(whole=2**40, group=2**40)
    for act in (lake.source().pin, lake.source().columns):
        with pytest.raises(FatalError, match=r"d\.parquet is corrupt: .* claims 1,099,511,627,776 rows, but its pages"):
            act()


@pytest.mark.parametrize("claimed", [{"whole": 2**40}, {"group": 2**40}, {"whole": -1, "group": -1}])
def test_counts_that_do_not_add_up_are_corrupt(lake: Lake, claimed: dict[str, int]) -> None:
    lake.claim(**claimed)
    with pytest.raises(FatalError, match=r"d\.parquet is corrupt: its footer cannot be true: it claims"):
        lake.source().pin()


@pytest.mark.slow
def test_few_bytes_may_hold_many_rows(lake: Lake) -> None:
    """Pages repeat a value as often as they like: what they say themselves is believed."""
    rows = 3_000_000
    pq.write_table(pa.table({"same": pa.repeat(pa.scalar("x"), rows)}), lake.path, row_group_size=rows)
    assert lake.path.stat().st_size * 8 < rows
    pinned = lake.source().pin()
    assert pinned.records == rows
    lake.claim(whole=rows + 1, group=rows + 1)
    with pytest.raises(FatalError, match=r"claims 3,000,001 rows, but its pages hold 3,000,000"):
        lake.source().pin()


@pytest.mark.parametrize("dictionary", [False, True])
def test_a_file_that_expands_beyond_its_limit_is_named(lake: Lake, *, dictionary: bool) -> None:
    """By its footer before anything is read, or while it is: a text that is stored once may be named often."""
    table = pa.table({"text": pa.array(["x" * 100_000] * 100)})
    pq.write_table(table, lake.path, use_dictionary=dictionary, compression="zstd")
    source = lake.source(expansion=100)
    with pytest.raises(
        FatalError, match=r"d\.parquet of [\d,]+ bytes decompresses to [\d,]+ bytes or more, but `expansion` allow"
    ):
        _read(source)
    rows, sizes = _read(lake.source())
    assert rows == 100
    assert max(sizes) <= 16_100_000


@pytest.mark.parametrize("wanted", [[0], [2_999], []], ids=["the first", "the last", "none"])
@pytest.mark.parametrize("checksums", [False, True], ids=["Polars", "pyarrow"])
def test_what_is_decoded_counts_not_only_what_is_wanted(lake: Lake, wanted: list[int], *, checksums: bool) -> None:
    """A text that is stored once and named by each row: the footer does not show it."""
    pq.write_table(
        pa.table({"text": [random.Random(1).randbytes(20_000).hex()] * 3_000}), lake.path, write_page_checksum=checksums
    )
    source = lake.source(expansion=100)
    pinned = source.pin()
    with pytest.raises(FatalError, match="but `expansion` allow"):
        list(source.read(pinned, pinned.slices[0], None, pa.array(wanted, pa.uint32())))


@pytest.mark.slow
def test_a_row_larger_than_a_table_comes_alone(lake: Lake) -> None:
    texts = ["x" * 20_000_000, "y", "z" * 20_000_000]
    for size in (1, 3):
        pq.write_table(pa.table({"text": texts}), lake.path, row_group_size=size)
        rows, sizes = _read(lake.source())
        assert rows == 3
        assert max(sizes) <= 20_000_100


def _read(source: ParquetSource) -> tuple[int, list[int]]:
    """Rows, and the bytes of each table."""
    pinned = source.pin()
    tables = [table for piece in pinned.slices for table in source.read(pinned, piece, None)]
    return sum(table.num_rows for table in tables), [table.nbytes for table in tables]


class TestLinear:
    """Twice as much is twice the work, and not four times: counted, not timed."""

    @pytest.mark.slow
    @pytest.mark.parametrize("rows_in_group", [1, 7])
    def test_row_groups_of_one_row_are_read_together(
        self, lake: Lake, monkeypatch: pytest.MonkeyPatch, rows_in_group: int
    ) -> None:
        asked = []
        own = ParquetSource.read
        monkeypatch.setattr(
            ParquetSource,
            "read",
            lambda self, *a, **k: (asked.append(a[1]), own(self, *a, **k))[1],
        )
        for groups in (100, 1_000):
            rows = groups * rows_in_group
            table = pa.table({"id": range(rows), "text": [str(n) for n in range(rows)]})
            pq.write_table(table, lake.path, row_group_size=rows_in_group)
            asked.clear()
            found, _ = _read(lake.source())
            assert found == rows
            assert len(asked) == 1

    @pytest.mark.slow
    def test_row_groups_that_are_no_longer_small_are_slices_of_their_own(self, lake: Lake) -> None:
        pq.write_table(pa.table({"id": range(300_000)}), lake.path, row_group_size=100_000)
        assert [(piece.index, piece.count) for piece in lake.source().pin().slices] == [(0, 1), (1, 1), (2, 1)]

    @pytest.mark.slow
    def test_20_000_columns_are_looked_up_once_each(self, lake: Lake) -> None:
        """A list of all names that is made for each column is 400 million of them."""
        pq.write_table(pa.table({f"c{n}": pa.array([n, None]) for n in range(20_000)}), lake.path)
        source = lake.source()
        pinned = source.pin()
        schema = _Counting(pinned.schema)
        from sluice.sources.base import known_columns

        known_columns(schema, list(pinned.schema.names), dataset="d")
        assert schema.lists <= 2
        (table,) = source.read(pinned, pinned.slices[0], None, as_decoded=True)
        assert (table.num_rows, table.num_columns) == (2, 20_000)


class _Counting:
    """A schema that counts how often all of its names are asked for."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema, self.lists = schema, 0

    @property
    def names(self) -> list[str]:
        self.lists += 1
        return list(self._schema.names)

    def __getattr__(self, name: str) -> object:
        return getattr(self._schema, name)


def test_a_page_that_ends_before_it_begins_is_no_page() -> None:
    """Its size would lead back to itself, for ever."""
    length = len(write_struct({3: (I32, -5)}))
    page = write_struct({3: (I32, -length)})
    with pytest.raises(ValueError, match=f"-{length}"):
        list(islice(_pages(pa.BufferReader(page), 0, len(page)), 3))
