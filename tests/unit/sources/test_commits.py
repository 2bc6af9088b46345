"""What is new by the log of a table: of any commits, and of real Delta Lake and Iceberg tables."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.catalog import Catalog, load_catalog

from sluice.errors import FatalError
from sluice.model.access import Access, CatalogAccess, FolderAccess
from sluice.model.run import Window
from sluice.sources.base import Pinned, Source, Spool
from sluice.sources.commits import Commit, Version, new_files
from sluice.sources.delta import Delta
from sluice.sources.iceberg import Iceberg
from sluice.sources.position import Growing, Position

NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)


class Table:
    """Files of rows, changed as a table format changes them: a file is never written twice."""

    def __init__(self) -> None:
        self.files: dict[str, frozenset[int]] = {}
        self.all: dict[str, frozenset[int]] = {}
        self.commits: list[tuple[Version, Commit]] = []
        self.rows = 0

    def append(self, count: int) -> None:
        rows = frozenset(range(self.rows, self.rows + count))
        self.rows += count
        self._commit([rows], [])

    def delete(self, files: list[str]) -> None:
        """One row of each file goes; the rest is written again."""
        self._commit([self.files[name] - {min(self.files[name], default=-1)} for name in files], files)

    def compact(self, files: list[str]) -> None:
        rows = sorted(row for name in files for row in self.files[name])
        half = len(rows) // 2
        self._commit([frozenset(rows[:half]), frozenset(rows[half:])], files, compacts=True)

    def _commit(self, added: list[frozenset[int]], removed: list[str], *, compacts: bool = False) -> None:
        names = {f"f{len(self.all) + number}": rows for number, rows in enumerate(added)}
        self.all |= names
        self.files = {name: rows for name, rows in self.files.items() if name not in removed} | names
        version = Version(str(len(self.commits)), NOW, str(len(self.commits) - 1))
        self.commits.append((version, Commit(frozenset(names), frozenset(removed), compacts=compacts)))

    @property
    def present(self) -> frozenset[int]:
        return frozenset().union(*self.files.values())


@pytest.mark.slow
@given(st.data(), st.booleans())
def test_every_added_row_is_in_exactly_one_new_file(data: st.DataObject, deletes: bool) -> None:
    table = Table()
    since, before = 0, frozenset[int]()
    for step in range(data.draw(st.integers(1, 12))):
        act = data.draw(st.sampled_from(["append", "compact", *(["delete"] if deletes else [])]))
        chosen = [name for name in table.files if data.draw(st.booleans())] if act != "append" else []
        if act == "append" or not chosen:
            table.append(data.draw(st.integers(1, 4)))
        else:
            (table.compact if act == "compact" else table.delete)(chosen)
        if step == 3:
            since, before = len(table.commits), table.present
    found = [row for name in new_files(table.commits[since:]) for row in table.all[name]]
    assert len(found) == len(set(found)), "no row comes twice"
    assert table.present - before <= set(found), "every row that was added and is there comes"
    if not deletes:
        assert set(found) == table.present - before, "nothing else comes, where nothing was deleted"


class Lake:
    """A folder with one table of each format."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.properties = {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}"}

    def get(self, conn_id: str) -> Access:
        return CatalogAccess(properties=self.properties) if conn_id == "catalog" else FolderAccess(self.folder)

    @property
    def catalog(self) -> Catalog:
        return load_catalog("default", **self.properties)

    def delta(self) -> Source:
        declared = {"type": "delta", "airflow_conn_id": "lake", "path": "d"}
        return Delta.model_validate(declared).open(self, dataset="visits")

    def iceberg(self) -> Source:
        declared = {"type": "iceberg", "airflow_conn_id": "catalog", "table": "web.d", "files_conn_id": "lake"}
        return Iceberg.model_validate(declared).open(self, dataset="visits")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def table(*ids: int, day: str = "mon") -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "day": pa.array([day] * len(ids))})


def append_delta(lake: Lake, rows: pa.Table) -> None:
    deltalake.write_deltalake(lake.folder / "d", rows, mode="append", partition_by=["day"])


def append_iceberg(lake: Lake, rows: pa.Table) -> None:
    catalog = lake.catalog
    catalog.create_namespace_if_not_exists("web")
    catalog.create_table_if_not_exists("web.d", schema=rows.schema).append(rows)


def ids(source: Source, pinned: Pinned) -> list[tuple[int, str]]:
    tables = [one for piece in pinned.slices for one in source.read(pinned, piece, ["id", "day"])]
    return sorted((row["id"], row["day"]) for one in tables for row in one.to_pylist())


def growing(source: Source) -> Growing:
    assert hasattr(source, "added")
    return source  # type: ignore[return-value]


def position(source: Source) -> Position:
    return growing(source).position(source.pin())


def new(open_source: Callable[[], Source], since: Position) -> list[tuple[int, str]]:
    """As another process reads it."""
    pinned = growing(open_source()).added(open_source().pin(), since)
    return ids(open_source(), Pinned.model_validate_json(pinned.model_dump_json()))


BOTH = pytest.mark.parametrize(
    ("append", "opened"), [(append_delta, Lake.delta), (append_iceberg, Lake.iceberg)], ids=["delta", "iceberg"]
)


@pytest.mark.slow
@BOTH
def test_what_was_appended_since(
    lake: Lake, append: Callable[[Lake, pa.Table], None], opened: Callable[[Lake], Source]
) -> None:
    append(lake, table(1, 2))
    first = position(opened(lake))
    assert new(lambda: opened(lake), first) == []
    append(lake, table(3, day="tue"))
    append(lake, table(4))
    assert new(lambda: opened(lake), first) == [(3, "tue"), (4, "mon")]
    assert new(lambda: opened(lake), position(opened(lake))) == []


@pytest.mark.slow
@BOTH
def test_a_window_holds_what_was_committed_within_it(
    lake: Lake, append: Callable[[Lake, pa.Table], None], opened: Callable[[Lake], Source]
) -> None:
    append(lake, table(1))
    between = datetime.datetime.now(datetime.UTC)
    append(lake, table(2))
    after = datetime.datetime.now(datetime.UTC)
    append(lake, table(3))
    source = opened(lake)
    slices = [
        Window(after=between - datetime.timedelta(days=1), until=between),
        Window(after=between, until=after),
        Window(after=after, until=after + datetime.timedelta(days=1)),
    ]
    found = [ids(source, growing(source).between(source.pin(), window)) for window in slices]
    assert found == [[(1, "mon")], [(2, "mon")], [(3, "mon")]]


@pytest.mark.slow
@BOTH
def test_a_version_that_is_not_among_those_that_led_here(
    lake: Lake, append: Callable[[Lake, pa.Table], None], opened: Callable[[Lake], Source]
) -> None:
    append(lake, table(1))
    source = opened(lake)
    with pytest.raises(FatalError, match=r"version 987 to the current version .* snapshots have expired"):
        growing(source).added(source.pin(), Position(by="snapshots", at="987"))


@pytest.mark.slow
def test_delta_compaction_adds_nothing_and_hides_nothing(lake: Lake) -> None:
    append_delta(lake, table(1, 2, day="mon"))
    first = position(lake.delta())
    append_delta(lake, table(3, day="tue"))
    append_delta(lake, table(4, day="tue"))
    deltalake.DeltaTable(lake.folder / "d").optimize.compact()
    assert new(lake.delta, first) == [(3, "tue"), (4, "tue")], "read from the files they came in, with their partition"
    assert new(lake.delta, position(lake.delta())) == []


def test_delta_rows_whose_old_files_are_vacuumed_are_not_lost_silently(lake: Lake) -> None:
    append_delta(lake, table(1))
    first = position(lake.delta())
    append_delta(lake, table(2))
    append_delta(lake, table(3))
    one = deltalake.DeltaTable(lake.folder / "d")
    one.optimize.compact()
    one.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(FatalError, match="rows added to visits since the last delivery"):
        new(lake.delta, first)


def test_delta_rows_rewritten_by_a_delete_come_again(lake: Lake) -> None:
    append_delta(lake, table(1, 2))
    first = position(lake.delta())
    append_delta(lake, table(3, 4))
    deltalake.DeltaTable(lake.folder / "d").delete("id in (1, 3)")
    assert new(lake.delta, first) == [(2, "mon"), (4, "mon")]


def test_delta_a_log_that_was_cleaned_up(lake: Lake) -> None:
    append_delta(lake, table(1))
    first = position(lake.delta())
    append_delta(lake, table(2))
    append_delta(lake, table(3))
    deltalake.DeltaTable(lake.folder / "d").create_checkpoint()
    (lake.folder / "d" / "_delta_log" / f"{1:020d}.json").unlink()
    with pytest.raises(FatalError, match="snapshots have expired"):
        new(lake.delta, first)


@pytest.mark.slow
def test_iceberg_from_an_empty_table_on(lake: Lake) -> None:
    lake.catalog.create_namespace("web")
    lake.catalog.create_table("web.d", schema=table(1).schema)
    first = position(lake.iceberg())
    append_iceberg(lake, table(1, 2))
    assert new(lake.iceberg, first) == [(1, "mon"), (2, "mon")]


@pytest.mark.slow
def test_iceberg_rows_rewritten_by_a_delete_come_again(lake: Lake) -> None:
    append_iceberg(lake, table(1, 2))
    first = position(lake.iceberg())
    append_iceberg(lake, table(3, 4))
    lake.catalog.load_table("web.d").delete("id in (1, 3)")
    assert new(lake.iceberg, first) == [(2, "mon"), (4, "mon")]


@pytest.mark.slow
def test_iceberg_a_rollback(lake: Lake) -> None:
    append_iceberg(lake, table(1))
    one = lake.catalog.load_table("web.d")
    snapshot = one.metadata.current_snapshot_id
    assert snapshot is not None
    append_iceberg(lake, table(2))
    second = position(lake.iceberg())
    lake.catalog.load_table("web.d").manage_snapshots().rollback_to_snapshot(snapshot).commit()
    with pytest.raises(FatalError, match="rolled back"):
        new(lake.iceberg, second)


def test_a_table_that_has_to_be_copied_does_not_tell(lake: Lake) -> None:
    append_delta(lake, table(1))
    copied = lake.delta().pin().model_copy(update={"spool": Spool(airflow_conn_id="staging", path="x")})
    source = growing(lake.delta())
    for act in (
        lambda: source.position(copied),
        lambda: source.added(copied, Position(by="snapshots", at="0")),
        lambda: source.between(copied, Window(after=NOW, until=NOW)),
    ):
        with pytest.raises(FatalError, match="does not show which rows are new"):
            act()
