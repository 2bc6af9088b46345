"""Links in a folder of deliveries: nothing is delivered, read or removed through one that leads out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.destinations.base import Destination
from sluice.destinations.local import Local
from sluice.errors import FatalError
from sluice.model.access import FolderAccess


class Disk:
    def __init__(self, root: Path) -> None:
        self.folder, self.outside = root / "deliveries", root / "outside"
        (self.folder / "acme").mkdir(parents=True)
        self.outside.mkdir()
        (self.outside / "theirs.csv").write_text("theirs")

    def get(self, conn_id: str) -> FolderAccess:
        """The `Connections` protocol."""
        return FolderAccess(self.folder)

    def open(self) -> Destination:
        config = Local.model_validate({"type": "local", "airflow_conn_id": "out", "folder": "acme"})
        return config.open(self, name="acme", threads=1)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


ACTS: dict[str, Callable[[Destination, str], object]] = {
    "put": lambda to, folder: to.put(f"{folder}/mine.csv", [b"mine"]),
    "stat": lambda to, folder: to.stat(f"{folder}/theirs.csv"),
    "read": lambda to, folder: list(to.read(f"{folder}/theirs.csv")),
    "remove": lambda to, folder: to.remove([f"{folder}/theirs.csv"]),
    "abort": lambda to, folder: to.abort([f"{folder}/theirs.csv"]),
    "list": lambda to, folder: list(to.list(folder)),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("target", ["../../outside", "../globex"], ids=["outside", "another customer's"])
def test_nothing_is_done_through_a_link_out(disk: Disk, act: str, target: str) -> None:
    (disk.folder / "globex").mkdir()
    (disk.folder / "globex/theirs.csv").write_text("theirs")
    (disk.folder / "acme/run").symlink_to(target)
    place = (disk.folder / "acme" / target).resolve()
    with pytest.raises(FatalError) as refused:
        ACTS[act](disk.open(), "run")
    assert f"to {place}" in refused.value.what
    assert [(path.name, path.read_text()) for path in place.iterdir()] == [("theirs.csv", "theirs")]


def test_a_folder_of_deliveries_that_leads_out_is_refused(disk: Disk) -> None:
    (disk.folder / "acme").rmdir()
    (disk.folder / "acme").symlink_to(disk.outside)
    with pytest.raises(FatalError, match=r"deliveries/acme leads to \S+/outside through a link, outside \S+"):
        disk.open()


def test_the_airflow_connections_own_folder_may_be_a_link(disk: Disk) -> None:
    disk.folder.rename(disk.outside / "real")
    disk.folder.symlink_to(disk.outside / "real")
    disk.open().put("a/1.csv", [b"x"])
    assert (disk.outside / "real/acme/a/1.csv").read_text() == "x"


def test_a_list_goes_into_no_link(disk: Disk) -> None:
    """Nothing of ours lies behind one, and what a consumer links there must not stop a delivery."""
    disk.open().put("a/1.csv", [b"x"])
    (disk.folder / "acme/a/up").symlink_to("..")
    (disk.folder / "acme/a/latest.csv").symlink_to("1.csv")
    (disk.folder / "acme/a/far").symlink_to(disk.outside)
    assert [stored.name for stored in disk.open().list("")] == ["a/1.csv"]


def test_a_part_that_was_made_a_link_is_replaced_and_removed_and_never_read(disk: Disk) -> None:
    for name in ("1.csv", "2.csv", "3.csv"):
        (disk.folder / "acme" / name).symlink_to(disk.outside / "theirs.csv")
    to = disk.open()
    to.put("1.csv", [b"mine"])
    to.remove(["2.csv"])
    with pytest.raises(FatalError, match="leads to"):
        list(to.read("3.csv"))
    assert (disk.outside / "theirs.csv").read_text() == "theirs"
    assert sorted(path.name for path in (disk.folder / "acme").iterdir()) == ["1.csv", "3.csv"]
