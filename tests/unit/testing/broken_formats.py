"""JSON as a format: a sound one, and some that break what a format promises. The exam tells them apart."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pyarrow as pa
import pytest

from sluice.formats.base import Encoder
from sluice.formats.json import Json
from sluice.testing import FormatExam
from sluice.testing.formats import Read, Spell


class Wrapped:
    """An encoder, with another `encode` or `close`."""

    def __init__(self, inner: Encoder) -> None:
        self._inner = inner

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        yield from self._inner.encode(table)

    def close(self) -> Iterator[bytes]:
        yield from self._inner.close()


class DropsNulls(Wrapped):
    def encode(self, table: pa.Table) -> Iterator[bytes]:
        kept = [row for row in range(table.num_rows) if all(column[row].is_valid for column in table.columns)]
        yield from self._inner.encode(table.take(pa.array(kept, pa.int64())))


class CompressesEachTable(Wrapped):
    def encode(self, table: pa.Table) -> Iterator[bytes]:
        yield gzip.compress(b"".join(self._inner.encode(table)), mtime=0)


class GathersTables(Wrapped):
    def __init__(self, inner: Encoder) -> None:
        super().__init__(inner)
        self._tables: list[pa.Table] = []

    def encode(self, table: pa.Table) -> Iterator[bytes]:
        self._tables.append(table)
        yield from ()

    def close(self) -> Iterator[bytes]:
        for table in self._tables:
            yield from self._inner.encode(table)
        yield from self._inner.close()


class WithoutNulls(Json):
    def encoder(self, schema: pa.Schema) -> Encoder:
        return DropsNulls(super().encoder(schema))


class Pieces(Json):
    def encoder(self, schema: pa.Schema) -> Encoder:
        return CompressesEachTable(super().encoder(schema))


class Gathered(Json):
    def encoder(self, schema: pa.Schema) -> Encoder:
        return GathersTables(super().encoder(schema))


class HoldsAnything(Json):
    def check(self, schema: pa.Schema) -> None:
        """Finds nothing wrong."""


class AsJson(FormatExam):
    @pytest.fixture
    def read(self) -> Read:
        return lambda data, _: [json.loads(line) for line in _opened(data).decode().split("\n")[:-1]]

    @pytest.fixture
    def spelled(self) -> Spell:
        return lambda case: case.json


def _opened(data: bytes) -> bytes:
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


class TestSound(AsJson):
    @pytest.fixture
    def format(self) -> Json:
        return Json(type="json", compression="none")


class TestDropsNulls(AsJson):
    @pytest.fixture
    def format(self) -> WithoutNulls:
        return WithoutNulls(type="json", compression="none")


class TestCompressesEachTable(AsJson):
    @pytest.fixture
    def format(self) -> Pieces:
        return Pieces(type="json", compression="none")


class TestGathersTables(AsJson):
    @pytest.fixture
    def format(self) -> Gathered:
        return Gathered(type="json", compression="none")


class TestHoldsAnything(AsJson):
    @pytest.fixture
    def format(self) -> HoldsAnything:
        return HoldsAnything(type="json", compression="none")
