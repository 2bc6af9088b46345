"""Links in a lake: each file is read once, none from outside, and a name that no path may hold is an error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import Catalog, load_catalog

from sluice.errors import FatalError
from sluice.filesystem import open_filesystem
from sluice.filesystem.links import Bounded, LocalLinks
from sluice.filesystem.walk import files_below
from sluice.model.access import Access, CatalogAccess, FolderAccess
from sluice.sources import SOURCES
from sluice.sources.base import Source


class Lake:
    """A connection's folder, and a folder beside it that no connection names."""

    def __init__(self, root: Path) -> None:
        self.folder, self.outside = root / "lake", root / "outside"
        self.folder.mkdir()
        self.outside.mkdir()
        self.uri = f"sqlite:///{root}/catalog.db"

    def get(self, conn_id: str) -> Access:
        """The `Connections` protocol."""
        if conn_id == "catalog":
            return CatalogAccess({"type": "sql", "uri": self.uri})
        return FolderAccess(self.folder if conn_id == "lake" else self.folder.parent / "staging")

    def put(self, name: str, value: object) -> Path:
        path = self.folder.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"v": [value]}), path)
        return path

    def link(self, name: str, target: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def source(self, **declared: object) -> Source:
        place = {"table": "n.d"} if declared.get("type") == "iceberg" else {"path": "d"}
        kind: dict[str, Any] = {"type": "parquet", "airflow_conn_id": "lake"} | place | declared
        return SOURCES[kind["type"]].model_validate(kind).open(self, dataset="d")

    @property
    def catalog(self) -> Catalog:
        return load_catalog("default", type="sql", uri=self.uri, warehouse=f"file://{self.folder}/warehouse")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def rows(source: Source, lake: Lake) -> list[dict[str, object]]:
    pinned = source.pin(open_filesystem(lake, "staging", "spool"))
    return [row for piece in pinned.slices for table in source.read(pinned, piece, None) for row in table.to_pylist()]


def values(lake: Lake, **declared: object) -> list[object]:
    return [row["v"] for row in rows(lake.source(**declared), lake)]


class TestParquet:
    def test_a_link_to_its_own_folder_or_one_above_within_the_dataset_adds_nothing(self, lake: Lake) -> None:
        lake.put("lake/d/1.parquet", 1)
        lake.put("lake/d/a/b/2.parquet", 2)
        lake.link("d/a/b/up", "..")
        lake.link("d/a/self", ".")
        lake.link("d/top", ".")
        lake.link("d/a/twice", "b")
        assert values(lake) == [1, 2]

    def test_a_link_back_above_the_dataset_is_refused(self, lake: Lake) -> None:
        lake.put("lake/d/1.parquet", 1)
        lake.put("lake/other/2.parquet", 2)
        lake.link("d/up", "..")
        with pytest.raises(FatalError, match=r"lake/d/up is a link back to \S+/lake, which contains this folder"):
            values(lake)

    def test_a_linked_file_is_read_once_under_its_own_name(self, lake: Lake) -> None:
        lake.put("lake/d/2.parquet", 2)
        lake.link("d/1.parquet", "2.parquet")
        lake.link("d/3.parquet", "1.parquet")
        pinned = lake.source().pin()
        assert list(pinned.units) == ["d/2.parquet"]

    def test_what_lies_elsewhere_in_the_connections_folder_is_read_once(self, lake: Lake) -> None:
        lake.put("lake/d/1.parquet", 1)
        lake.put("lake/archive/2.parquet", 2)
        lake.link("d/x", "../archive")
        lake.link("d/y", "../archive")
        lake.link("d/z.parquet", "../archive/2.parquet")
        assert list(lake.source().pin().units) == ["d/1.parquet", "d/x/2.parquet"]
        assert values(lake) == [1, 2]

    def test_a_linked_partition_has_the_value_of_its_own_name(self, lake: Lake) -> None:
        lake.put("lake/d/month=2026-01/1.parquet", 1)
        lake.put("lake/archive/feb/2.parquet", 2)
        lake.link("d/month=2026-02", "../archive/feb")
        assert rows(lake.source(), lake) == [{"v": 1, "month": "2026-01"}, {"v": 2, "month": "2026-02"}]

    def test_a_current_version_is_read_through_its_link_alone(self, lake: Lake) -> None:
        lake.put("lake/d/_versions/1/a.parquet", 1)
        lake.put("lake/d/_versions/2/a.parquet", 2)
        lake.link("d/current", "_versions/2")
        assert values(lake) == [2]

    @pytest.mark.parametrize("link", ["d/far", "d/far.parquet", "d", "d/month=1", "d/a/b"])
    def test_a_link_out_of_the_connection_is_refused_with_its_target(self, lake: Lake, link: str) -> None:
        target = lake.put("outside/1.parquet", 1)
        target = target if link.endswith(".parquet") else target.parent
        lake.link(link, str(target))
        with pytest.raises(FatalError) as refused:
            values(lake)
        assert f"{lake.folder}/{link} leads to {target}, which is outside the connection's folder" in str(refused.value)

    def test_a_link_through_another_is_followed_to_its_end(self, lake: Lake) -> None:
        lake.put("outside/1.parquet", 1)
        lake.put("lake/d/0.parquet", 0)
        lake.link("hop", str(lake.outside))
        lake.link("d/x", "../hop")
        with pytest.raises(FatalError, match=r"lake/d/x leads to \S+/outside, which is outside"):
            values(lake)

    def test_a_link_to_nothing_is_no_empty_dataset(self, lake: Lake) -> None:
        lake.put("lake/d/1.parquet", 1)
        lake.link("d/2.parquet", "gone.parquet")
        with pytest.raises(FatalError, match=r"lake/d/2\.parquet is a link whose target does not exist"):
            values(lake)

    def test_links_that_are_nobodys_data_are_left_alone(self, lake: Lake) -> None:
        lake.put("lake/d/1.parquet", 1)
        lake.put("outside/2.parquet", 2)
        lake.link("d/.#1.parquet", "user@host.1234:5678")
        lake.link("d/_old", str(lake.outside))
        lake.link("d/notes.txt", str(lake.put("outside/notes.txt", 0)))
        assert values(lake) == [1]

    def test_the_connections_own_folder_may_be_a_link(self, lake: Lake) -> None:
        lake.put("lake/d/1.parquet", 1)
        lake.folder.rename(lake.folder.parent / "real")
        lake.folder.symlink_to("real")
        assert values(lake) == [1]

    def test_a_file_that_becomes_a_link_out_after_it_was_pinned_is_not_read(self, lake: Lake) -> None:
        path = lake.put("lake/d/1.parquet", 1)
        pinned = lake.source().pin()
        moved = lake.outside / "1.parquet"
        path.rename(moved)
        path.symlink_to(moved)
        source = lake.source()
        with pytest.raises(FatalError, match="leads to"):
            list(source.read(pinned, pinned.slices[0], None))


class TestNames:
    @pytest.mark.parametrize("name", [b"d/a\nb.parquet", b"d/a\xffb.parquet", b"d/a\\b.parquet", b"d/k=\x01/b.parquet"])
    def test_a_name_that_no_path_can_hold_is_told(self, lake: Lake, name: bytes) -> None:
        path = lake.put("lake/d/1.parquet", 1)
        other = os.path.join(os.fsencode(lake.folder), name)  # noqa: PTH118 - bytes
        os.makedirs(os.path.dirname(other), exist_ok=True)  # noqa: PTH103, PTH120
        path.rename(os.fsdecode(other))
        with pytest.raises(FatalError, match=r"'.*b\.parquet' in .*/lake/d contains a control character") as told:
            values(lake)
        assert "\n  next: rename the file or folder" in str(told.value)
        assert all(line.isprintable() for line in str(told.value).splitlines())

    def test_such_names_of_nobodys_data_are_left_alone(self, lake: Lake) -> None:
        lake.put("lake/d/1.parquet", 1)
        Path(os.fsdecode(os.fsencode(lake.folder) + b"/d/\xff\n.txt")).write_bytes(b"")
        assert values(lake) == [1]

    @pytest.mark.parametrize(
        ("folder", "value"), [("k=..", ".."), ("k=%2E%2E%2Fetc", "../etc"), ("k=..%2F..", "../.."), ("k=a..b", "a..b")]
    )
    def test_dots_of_a_partition_are_a_value_and_no_way_out(self, lake: Lake, folder: str, value: str) -> None:
        lake.put(f"lake/d/{folder}/1.parquet", 1)
        assert rows(lake.source(), lake) == [{"v": 1, "k": value}]


class TestDelta:
    @pytest.fixture(params=[False, True], ids=["in place", "copied"])
    def table(self, lake: Lake, request: pytest.FixtureRequest) -> Path:
        path = lake.folder / "d"
        marks = {"delta.enableDeletionVectors": "true"} if request.param else {}
        deltalake.write_deltalake(path, pa.table({"v": [1, 2]}), configuration=marks)
        return path

    def source(self, lake: Lake) -> Source:
        return lake.source(type="delta")

    def test_links_within_are_followed(self, lake: Lake, table: Path) -> None:
        table.rename(lake.folder / "real")
        table.symlink_to("real")
        assert rows(self.source(lake), lake) == [{"v": 1}, {"v": 2}]

    @pytest.mark.parametrize("what", ["file", "log", "table"])
    def test_links_out_are_refused(self, lake: Lake, table: Path, what: str) -> None:
        path = {"file": next(table.glob("*.parquet")), "log": table / "_delta_log", "table": table}[what]
        target = lake.outside / path.name
        path.rename(target)
        path.symlink_to(target)
        with pytest.raises(FatalError) as refused:
            rows(self.source(lake), lake)
        assert f"{path} leads to {target}, which is outside" in str(refused.value)


class TestIceberg:
    @pytest.fixture(params=[False, True], ids=["in place", "copied"])
    def files(self, lake: Lake, request: pytest.FixtureRequest) -> list[Path]:
        """A table's data files, in place or copied: pyiceberg reads them if columns were renamed since."""
        catalog = lake.catalog
        catalog.create_namespace("n")
        table = catalog.create_table("n.d", schema=pa.schema([("v", pa.int64())]))
        table.append(pa.table({"v": [1, 2]}))
        if request.param:
            with table.update_schema() as update:
                update.rename_column("v", "w")
        return [Path(task.file.file_path.removeprefix("file://")) for task in table.scan().plan_files()]

    def source(self, lake: Lake) -> Source:
        return lake.source(type="iceberg", airflow_conn_id="catalog", files_conn_id="lake")

    @pytest.mark.slow
    def test_links_within_are_followed(self, lake: Lake, files: list[Path]) -> None:
        (file,) = files
        target = lake.folder / "real.parquet"
        file.rename(target)
        file.symlink_to(target)
        assert [list(row.values()) for row in rows(self.source(lake), lake)] == [[1], [2]]

    @pytest.mark.slow
    def test_links_out_are_refused(self, lake: Lake, files: list[Path]) -> None:
        (file,) = files
        target = lake.outside / "1.parquet"
        file.rename(target)
        file.symlink_to(target)
        with pytest.raises(FatalError) as refused:
            rows(self.source(lake), lake)
        assert f"{file} leads to {target}, which is outside" in str(refused.value)

    @pytest.mark.slow
    def test_a_table_whose_files_lie_elsewhere_is_refused(self, lake: Lake, files: list[Path]) -> None:
        assert files
        (lake.folder / "narrow").mkdir()
        lake.folder = lake.folder / "narrow"
        with pytest.raises(FatalError, match=r"\.parquet is outside \S+/narrow, the folder of the connection lake"):
            rows(self.source(lake), lake)


class TestStaging:
    def test_nothing_is_written_or_removed_through_a_link_out(self, lake: Lake) -> None:
        lake.put("outside/kept.parquet", 1)
        lake.link("staging", str(lake.outside))
        opened = open_filesystem(lake, "lake", "staging/runs")
        for act in (
            lambda: opened.write_bytes("x.json", b""),
            lambda: opened.remove(["kept.parquet"]),
            lambda: opened.remove_tree("a"),
            lambda: opened.list(),
            lambda: opened.exists("x"),
            lambda: opened.read_bytes("x"),
        ):
            with pytest.raises(FatalError, match=r"lake/staging leads to \S+/outside"):
                act()
        assert [path.name for path in lake.outside.iterdir()] == ["kept.parquet"]

    def test_a_file_that_is_a_link_is_replaced_and_removed_itself(self, lake: Lake) -> None:
        kept = lake.put("outside/kept.parquet", 1)
        before = kept.read_bytes()
        lake.link("s/a.json", str(kept))
        lake.link("s/b.json", str(kept))
        opened = open_filesystem(lake, "lake", "s")
        opened.write_bytes("a.json", b"new")
        opened.remove(["b.json"])
        assert opened.read_bytes("a.json") == b"new"
        assert [file.name for file in opened.list()] == ["a.json"]
        assert kept.read_bytes() == before


class Tidy(LocalLinks):
    """A server that normalizes the paths it is asked about, and does not resolve links."""

    def real(self, path: str) -> str:
        return os.path.normpath(path)


@pytest.mark.parametrize("target", ["..", "../archive"])
def test_a_server_that_does_not_resolve_links_is_not_followed(lake: Lake, target: str) -> None:
    lake.put("lake/d/1.parquet", 1)
    lake.put("lake/archive/2.parquet", 2)
    lake.link("d/x", target)
    bounded = Bounded(Tidy(), str(lake.folder), "lake")
    with pytest.raises(FatalError, match="d/x is a link, and the server does not show where it leads"):
        files_below(f"{lake.folder}/d", bounded, lambda _: False)
