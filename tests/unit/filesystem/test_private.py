"""Staging on a disk is nobody else's: customers' rows lie there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sluice.filesystem import open_filesystem
from tests.builders import World


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.mark.parametrize("begin", ["write_bytes", "create"])
def test_the_folder_that_is_written_to_is_closed(tmp_path: Path, begin: str) -> None:
    world, folder = World(tmp_path), tmp_path / "sluice_staging" / "runs"
    getattr(open_filesystem(world, "sluice_staging", "runs"), begin)("log/1", b"x")
    assert mode(folder) == "0o700"


def test_one_that_was_open_is_closed_too(tmp_path: Path) -> None:
    folder = tmp_path / "sluice_staging"
    folder.mkdir(mode=0o755)
    open_filesystem(World(tmp_path), "sluice_staging", "").write_bytes("a", b"x")
    assert mode(folder) == "0o700"


def test_looking_and_removing_make_no_folder(tmp_path: Path) -> None:
    opened = open_filesystem(World(tmp_path), "sluice_staging", "runs")
    opened.remove(["a"])
    assert opened.find_bytes("a") is None
    assert not (tmp_path / "sluice_staging").exists()
