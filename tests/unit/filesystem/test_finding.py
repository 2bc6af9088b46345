"""A value that may not be there is read without a look before."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.filesystem import Opened, open_filesystem
from tests.builders import World


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    opened = open_filesystem(World(tmp_path), "sluice_staging", "")
    opened.write_bytes("folder/file", b"x")
    return opened


@pytest.mark.parametrize("name", ["none", "folder", "folder/file/below", "folder/none"])
def test_what_is_no_file_is_not_found(opened: Opened, name: str) -> None:
    assert opened.find_bytes(name) is None


def test_a_file_is_found_without_a_look(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    monkeypatch.setattr(Opened, "stat", lambda _, name: looks.append(name))
    assert (opened.find_bytes("folder/file"), opened.find_bytes("none")) == (b"x", None)
    assert looks == []
