"""A page for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import pages


@pytest.fixture
def page(tmp_path: Path) -> pages.Page:
    return pages.page(tmp_path)
