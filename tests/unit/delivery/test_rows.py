"""Any range of a feed's rows, exactly; chunks cut at exact counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.rows import Cutter, FeedRows
from sluice.delivery.rows.selection import Selection, write_selection
from sluice.filesystem import open_filesystem
from sluice.mapping.mapper import compile_fields
from sluice.model.access import FolderAccess
from sluice.sources.base import Pinned, Slice

SCHEMA = pa.schema([("n", pa.int64())])


class Numbers:
    """A source whose slices hold 0, 1, 2, ...; each is read as tables of three rows."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.slices = tuple(Slice(unit="u", index=i, records=size) for i, size in enumerate(sizes))

    def schema(self) -> pa.Schema:
        return SCHEMA

    def pin(self) -> Pinned:
        raise NotImplementedError

    def read(
        self,
        pinned: Pinned,
        piece: Slice,
        columns: Sequence[str] | None,
        rows: pa.Array | None = None,
        *,
        as_decoded: bool = False,
    ) -> Iterator[pa.Table]:
        start = sum(one.records for one in self.slices[: piece.index])
        whole = pa.table({"n": range(start, start + piece.records)}, schema=SCHEMA)
        wanted = whole if rows is None else whole.take(rows)
        yield from (wanted.slice(at, 3) for at in range(0, wanted.num_rows, 3))


def feed_rows(sizes: Sequence[int], kept: Sequence[Sequence[int]] | None, folder: Path) -> FeedRows:
    source = Numbers(sizes)
    pinned = Pinned.model_construct(version="v", schema_ipc="", units={}, slices=source.slices)
    opened = open_filesystem(Here(folder), "here", "")
    if kept is not None:
        write_selection(opened, "chosen.arrow", (pa.array(rows, pa.uint32()) for rows in kept))
    counts = tuple(sizes) if kept is None else tuple(len(rows) for rows in kept)
    extract = FeedExtract.model_construct(feed="f", pinned=pinned, kept=counts, selection=None, membership=None)
    chosen = None if kept is None else lambda: Selection(opened, "chosen.arrow")
    return FeedRows(source, extract, compile_fields(None, SCHEMA, dataset="d"), chosen)


class Here:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, conn_id: str) -> FolderAccess:
        return FolderAccess(self.folder)


def values(tables: Iterator[pa.Table]) -> list[int]:
    return [value for table in tables for value in table["n"].to_pylist()]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(data=st.data(), sizes=st.lists(st.integers(0, 11), max_size=6))
def test_every_range_of_a_whole_feed(data: st.DataObject, sizes: list[int]) -> None:
    total = sum(sizes)
    first = data.draw(st.integers(0, total))
    last = data.draw(st.integers(first, total))
    assert values(feed_rows(sizes, None, Path("/nowhere")).read(first, last)) == list(range(first, last))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(data=st.data(), sizes=st.lists(st.integers(0, 11), min_size=1, max_size=5))
def test_every_range_of_a_selection(data: st.DataObject, sizes: list[int], tmp_path_factory: object) -> None:
    kept = [sorted(data.draw(st.sets(st.integers(0, size - 1)))) if size else [] for size in sizes]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    chosen = [start + row for start, rows in zip(starts, kept, strict=True) for row in rows]
    first = data.draw(st.integers(0, len(chosen)))
    last = data.draw(st.integers(first, len(chosen)))
    folder: Path = tmp_path_factory.mktemp("chosen")  # type: ignore[attr-defined]
    assert values(feed_rows(sizes, kept, folder).read(first, last)) == chosen[first:last]


@pytest.mark.slow
@given(sizes=st.lists(st.integers(0, 9), max_size=8), cuts=st.lists(st.integers(1, 12), max_size=8))
def test_a_cutter_takes_exactly_what_is_asked(sizes: list[int], cuts: list[int]) -> None:
    total = sum(sizes)
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    cutter = Cutter(pa.table({"n": range(at, at + size)}) for at, size in zip(starts, sizes, strict=True))
    position = 0
    for cut in cuts:
        expected = list(range(position, min(position + cut, total)))
        assert values(cutter.take(cut)) == expected
        position += len(expected)
