from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.guardrails.limits import Limited


@pytest.fixture
def world(tmp_path: Path) -> Limited:
    return Limited.at(tmp_path)
