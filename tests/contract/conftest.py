"""The servers that these tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.servers.fleet import Fleet
from tests.servers.postgres import Database


@pytest.fixture(scope="package")
def fleet() -> Iterator[Fleet]:
    """One for each process of pytest."""
    fleet = Fleet()
    yield fleet
    fleet.close()


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A file's own: what one leaves in it, no other one finds."""
    with closing(Database()) as running:
        yield running
