"""What the tests of imports share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.workbench.samples import CATALOG


@pytest.fixture
def include(tmp_path: Path) -> Path:
    """The folder to import into: it has the sample's catalog, and no exports."""
    for name, text in {"catalog/datasets.yaml": CATALOG, "exports/.keep": ""}.items():
        (tmp_path / "include" / name).parent.mkdir(parents=True)
        (tmp_path / "include" / name).write_text(text)
    return tmp_path / "include"
