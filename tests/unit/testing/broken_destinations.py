"""Folders as destinations: a sound one, and some that break what a destination promises. The exam tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.destinations.base import Destination, Stored
from sluice.destinations.local import Local
from sluice.model.access import FolderAccess
from sluice.testing import DestinationExam, Known
from sluice.testing.bodies import MIB


class Wrapped:
    """A destination, with another `put`."""

    def __init__(self, inner: Destination) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class LosesAByte(Wrapped):
    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        def shortened() -> Iterator[bytes]:
            last = b""
            for piece in body:
                yield last
                last = piece
            yield last[:-1]

        return self._inner.put(name, shortened())


class LeavesAHalf(Wrapped):
    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        pieces = []
        try:
            pieces.extend(body)
        finally:
            stored = self._inner.put(name, pieces)
        return stored


class Gathers(Wrapped):
    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        return self._inner.put(name, [b"".join(body)])


class InAFolder(DestinationExam):
    @pytest.fixture
    def config(self) -> Local:
        return Local(type="local", airflow_conn_id="disk", folder="exam")

    @pytest.fixture
    def connections(self, tmp_path: Path) -> Known:
        return Known(disk=FolderAccess(tmp_path))

    @pytest.fixture
    def large(self) -> int:
        return 192 * MIB


class TestSound(InAFolder):
    pass


class TestLosesAByte(InAFolder):
    @pytest.fixture
    def destination(self, another: Callable[[], Destination]) -> LosesAByte:
        return LosesAByte(another())


class TestLeavesAHalf(InAFolder):
    @pytest.fixture
    def destination(self, another: Callable[[], Destination]) -> LeavesAHalf:
        return LeavesAHalf(another())


class TestGathers(InAFolder):
    @pytest.fixture
    def destination(self, another: Callable[[], Destination]) -> Gathers:
        return Gathers(another())
