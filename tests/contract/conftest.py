"""The servers that these tests share: one set for each process of pytest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.fleet import Fleet


@pytest.fixture(scope="package")
def fleet() -> Iterator[Fleet]:
    fleet = Fleet()
    yield fleet
    fleet.close()
