"""Local destinations: who may read what is delivered, and files that are read again."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from sluice.destinations.base import Stored
from sluice.destinations.failures import Origin
from sluice.destinations.local import Local, LocalFolder
from sluice.destinations.readback import ReadBack
from sluice.errors import FatalError, RetriableError
from sluice.filesystem import open_filesystem
from sluice.model.access import Access, FolderAccess


class Only:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, conn_id: str) -> Access:
        return FolderAccess(self._folder)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.mark.parametrize(("declared", "file", "folder"), [("0640", "0o640", "0o750"), ("600", "0o600", "0o700")])
def test_files_and_folders_are_open_to_whom_the_declaration_says(
    tmp_path: Path, declared: str, file: str, folder: str
) -> None:
    at = Local(type="local", airflow_conn_id="x", mode=declared).open(Only(tmp_path), name="acme", threads=1)
    at.put("a/b/c.csv", [b"x"])
    assert mode(tmp_path / "a/b/c.csv") == file
    assert mode(tmp_path / "a") == mode(tmp_path / "a/b") == folder


@pytest.mark.parametrize("wrong", ["rw-r-----", "0o640", "0888", "1777"])
def test_other_modes_are_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Local(type="local", airflow_conn_id="x", mode=wrong)


class Spoiling(LocalFolder):
    """A disk that keeps other bytes than it was given, of the same size."""

    def put(self, name: str, body: Iterable[bytes]) -> Stored:
        stored = super().put(name, body)
        path = self._path(name)
        path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
        return stored


def test_a_file_that_is_not_read_as_it_was_sent_is_removed_and_told(tmp_path: Path) -> None:
    origin = Origin("acme", "x", str(tmp_path))
    at = ReadBack(Spoiling(tmp_path, origin), origin)
    with pytest.raises(RetriableError, match="the data read back differs from what was sent"):
        at.put("a.csv", [b"abc", b"def"])
    assert list(at.list("")) == []


def test_a_file_that_is_read_as_it_was_sent_stays(tmp_path: Path) -> None:
    config = Local(type="local", airflow_conn_id="x", verify="read-back")
    at = config.open(Only(tmp_path), name="acme", threads=1)

    def body() -> Iterator[bytes]:
        yield b"abc"
        yield b"def"

    assert at.put("a.csv", body()).size == 6
    assert b"".join(at.read("a.csv")) == b"abcdef"


@pytest.mark.parametrize("folder", ["..", "../outside", "a/../../x", "a//b", "."])
def test_a_list_does_not_leave_the_folder(tmp_path: Path, folder: str) -> None:
    at = Local(type="local", airflow_conn_id="x", folder="drop").open(Only(tmp_path), name="acme", threads=1)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.csv").write_bytes(b"x")
    with pytest.raises(FatalError, match="is not a valid file name"):
        list(at.list(folder))


def test_nobody_else_may_enter_what_is_staged(tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir(mode=0o755)
    opened = open_filesystem(Only(tmp_path), "staging", "staging")
    opened.write_bytes("runs/one.json", b"{}")
    opened.below("log/of/a/run").create("entry/1.json", b"{}")
    assert mode(tmp_path / "staging") == "0o700"
    assert mode(tmp_path / "staging/log/of/a/run") == "0o700"


def test_what_is_only_read_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir(mode=0o755)
    (tmp_path / "lake/x").write_bytes(b"x")
    (tmp_path / "lake").chmod(0o755)
    opened = open_filesystem(Only(tmp_path), "lake", "lake", read_only=True)
    assert opened.read_bytes("x") == b"x"
    assert mode(tmp_path / "lake") == "0o755"
