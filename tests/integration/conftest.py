"""One real Airflow for all of these tests, over CDNOW's customers. It stops before a worker goes on to other tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.cdnow import Cdnow
from tests.integration.stack import Stack


@pytest.fixture(scope="session")
def cdnow() -> Cdnow:
    return Cdnow()


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, cdnow: Cdnow) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("airflow"))
    cdnow.write(stack.root / "lake")
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()
