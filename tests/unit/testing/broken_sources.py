"""Parquet files as sources: a sound one, and some that break what a source promises. The exam tells them apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.model.access import FolderAccess
from sluice.sources.base import Pinned, Slice, Source
from sluice.sources.parquet import Parquet
from sluice.testing import Known, SourceExam
from sluice.testing.sources import Open, Write


class Wrapped:
    """A source, with another `read`."""

    def __init__(self, inner: Source) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class ReadsOtherRowsLater(Wrapped):
    _reads = itertools.count()

    def read(
        self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None, *rows: pa.Array, **how: bool
    ) -> Iterator[pa.Table]:
        backwards = next(self._reads) % 2
        for table in self._inner.read(pinned, piece, columns, *rows, **how):
            yield table.take(pa.array(range(table.num_rows)[::-1])) if backwards else table


class ReadsWhatIsThereNow(Wrapped):
    def intact(self, pinned: Pinned) -> bool:
        return True

    def read(
        self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None, *rows: pa.Array, **how: bool
    ) -> Iterator[pa.Table]:
        now = self._inner.pin()
        yield from self._inner.read(now, now.slices[pinned.slices.index(piece)], columns, *rows, **how)


class ReadsEveryColumn(Wrapped):
    def read(
        self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None, *rows: pa.Array, **how: bool
    ) -> Iterator[pa.Table]:
        yield from self._inner.read(pinned, piece, None, *rows, **how)


class ReadsASliceAtOnce(Wrapped):
    def read(
        self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None, *rows: pa.Array, **how: bool
    ) -> Iterator[pa.Table]:
        yield pa.concat_tables(self._inner.read(pinned, piece, columns, *rows, **how)).combine_chunks()


class ReadsRowsThatNobodyWants(Wrapped):
    def read(
        self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None, *_: pa.Array, **how: bool
    ) -> Iterator[pa.Table]:
        yield from self._inner.read(pinned, piece, columns, **how)


class InAFile(SourceExam):
    @pytest.fixture
    def config(self) -> Parquet:
        return Parquet(type="parquet", airflow_conn_id="lake", path="people.parquet")

    @pytest.fixture
    def connections(self, tmp_path: Path) -> Known:
        return Known(lake=FolderAccess(tmp_path))

    @pytest.fixture
    def write(self, tmp_path: Path) -> Write:
        return lambda table: pq.write_table(table, tmp_path / "people.parquet", row_group_size=1_000)


class TestSound(InAFile):
    pass


class TestReadsOtherRowsLater(InAFile):
    @pytest.fixture
    def opened(self, config: Parquet, connections: Known) -> Open:
        return lambda: ReadsOtherRowsLater(config.open(connections, dataset="people"))


class TestReadsWhatIsThereNow(InAFile):
    @pytest.fixture
    def opened(self, config: Parquet, connections: Known) -> Open:
        return lambda: ReadsWhatIsThereNow(config.open(connections, dataset="people"))


class TestReadsEveryColumn(InAFile):
    @pytest.fixture
    def opened(self, config: Parquet, connections: Known) -> Open:
        return lambda: ReadsEveryColumn(config.open(connections, dataset="people"))


class TestReadsASliceAtOnce(InAFile):
    @pytest.fixture
    def opened(self, config: Parquet, connections: Known) -> Open:
        return lambda: ReadsASliceAtOnce(config.open(connections, dataset="people"))


class TestReadsRowsThatNobodyWants(InAFile):
    @pytest.fixture
    def opened(self, config: Parquet, connections: Known) -> Open:
        return lambda: ReadsRowsThatNobodyWants(config.open(connections, dataset="people"))
