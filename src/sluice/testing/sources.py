"""The exam of sources: what was written is read back, slice by slice, as often as a run asks for it."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from sluice import memory
from sluice.errors import DefinitionError, FatalError
from sluice.filesystem import Opened, open_filesystem
from sluice.model.access import Access, Connections, FolderAccess
from sluice.sources.base import Pinned, Source, SourceConfig
from sluice.sources.selection import select
from sluice.sql import connect
from sluice.testing.rows import every_type, people

STAGING = "staging_of_the_exam"

Write = Callable[[pa.Table], None]
Open = Callable[[], Source]


@dataclass(frozen=True)
class WithStaging:
    """The connector's connections, and one more: a folder for rows that are copied."""

    connections: Connections
    staging: Path

    def get(self, conn_id: str) -> Access:
        return FolderAccess(self.staging) if conn_id == STAGING else self.connections.get(conn_id)


def read(source: Source, pinned: Pinned, columns: list[str] | None = None) -> pa.Table:
    """All rows, slice after slice; each slice has as many as it says."""
    tables = []
    for piece in pinned.slices:
        own = list(source.read(pinned, piece, columns))
        assert sum(table.num_rows for table in own) == piece.records
        tables += own
    return pa.concat_tables(tables) if tables else pinned.schema.empty_table()


def in_order(table: pa.Table) -> pa.Table:
    """Sorted by the key, columns by name: partitions change both."""
    return table.select(sorted(table.column_names)).sort_by("id" if "id" in table.column_names else "key")


class SourceExam:
    """Override `config`, `connections` and `write`; the other fixtures are claims with defaults."""

    @pytest.fixture
    def config(self) -> SourceConfig:
        """The source, declared for the dataset that `write` writes."""
        raise NotImplementedError("override the fixture `config`: one of your sources, as it is declared")

    @pytest.fixture
    def connections(self) -> Connections:
        """What the Airflow connections open: `sluice.testing.Known(conn_id=...)`."""
        raise NotImplementedError("override the fixture `connections`: sluice.testing.Known(conn_id=...)")

    @pytest.fixture
    def write(self) -> Write:
        """Writes a table as the dataset, in place of what the dataset held before."""
        raise NotImplementedError("override the fixture `write`: a function that writes a table as the dataset")

    @pytest.fixture
    def without(self) -> Collection[str]:
        """Columns of `sluice.testing.rows.every_type` that the data cannot hold. Default: none."""
        return ()

    @pytest.fixture
    def absent(self) -> None:
        """Makes what there is if the dataset is missing. Default: nothing was written."""

    @pytest.fixture
    def opened(self, config: SourceConfig, connections: Connections, tmp_path: Path) -> Open:
        """Opens the source, once more with each call."""
        known = WithStaging(connections, tmp_path / "staging")
        return lambda: config.open(known, dataset="people")

    @pytest.fixture
    def spool(self, connections: Connections, tmp_path: Path) -> Opened:
        """A folder of staging, for sources that copy what they pin."""
        return open_filesystem(WithStaging(connections, tmp_path / "staging"), STAGING, "spool")

    @pytest.fixture
    def small_budget(self) -> Iterator[memory.Budget]:
        """As little memory as a process may have."""
        before = memory.budget().shape
        memory.use(memory.LEAST)
        yield memory.budget()
        memory.use(before[0], engine=before[1])

    def test_every_type_survives(self, write: Write, opened: Open, spool: Opened, without: Collection[str]) -> None:
        table = every_type(rows=1_000).drop_columns(list(without))
        write(table)
        source = opened()
        pinned = source.pin(spool)
        found = read(source, pinned)
        found.validate(full=True)
        assert pinned.records == table.num_rows
        assert found.schema == pinned.schema
        assert in_order(found).to_pylist() == in_order(table).to_pylist()

    def test_slices_are_the_same_every_time(self, write: Write, opened: Open, spool: Opened) -> None:
        write(people(5_000))
        first, again = opened(), opened()
        pinned = first.pin(spool)
        stored = Pinned.model_validate_json(pinned.model_dump_json())
        assert stored == pinned
        rows = read(first, pinned)
        assert in_order(rows).to_pylist() == in_order(people(5_000)).to_pylist()
        assert read(again, stored).equals(rows)
        assert read(first, pinned).equals(rows)
        if pinned.spool is None:
            assert again.pin(spool) == pinned

    def test_columns_come_as_asked(self, write: Write, opened: Open, spool: Opened) -> None:
        write(people(500))
        source = opened()
        pinned = source.pin(spool)
        found = read(source, pinned, ["city", "id"])
        assert found.column_names == ["city", "id"]
        assert found.equals(read(source, pinned).select(["city", "id"]))

    def test_columns_are_those_of_the_rows(
        self, write: Write, opened: Open, spool: Opened, without: Collection[str]
    ) -> None:
        write(every_type(rows=10).drop_columns(list(without)))
        source = opened()
        columns, schema = source.columns(), source.pin(spool).schema
        assert columns.whole
        assert columns.schema.names == schema.names
        known = [field for field in columns.schema if not pa.types.is_null(field.type)]
        assert known == [schema.field(field.name) for field in known]

    def test_selected_rows_are_those_of_the_slice(self, write: Write, opened: Open, spool: Opened) -> None:
        write(people(3_000))
        source = opened()
        pinned = source.pin(spool)
        draw = random.Random(3)
        for piece in pinned.slices:
            some = pa.array(sorted(draw.sample(range(piece.records), piece.records // 3)), pa.uint32())
            whole = pa.concat_tables(source.read(pinned, piece, None))
            assert pa.concat_tables(source.read(pinned, piece, None, some)).equals(whole.take(some))
            one = pa.concat_tables(source.read(pinned, piece, ["id"], some, as_decoded=True))
            assert one["id"].equals(whole["id"].take(some))

    def test_an_unknown_column_is_told_with_the_nearest(self, write: Write, opened: Open, spool: Opened) -> None:
        write(people(10))
        source = opened()
        pinned = source.pin(spool)
        with pytest.raises(DefinitionError, match="people has no column 'citty'") as wrong:
            next(source.read(pinned, pinned.slices[0], ["citty"]))
        assert wrong.value.nearest == "city"

    def test_tables_are_bounded_in_bytes(
        self, write: Write, opened: Open, spool: Opened, small_budget: memory.Budget
    ) -> None:
        draw = random.Random(1)
        texts = [f"{n} " + draw.randbytes(2_000).hex() for n in range(2_000)]
        write(pa.table({"id": range(2_000), "city": ["Köln"] * 2_000, "text": texts}))
        source = opened()
        pinned = source.pin(spool)
        tables = [table for piece in pinned.slices for table in source.read(pinned, piece, None)]
        assert sum(table.num_rows for table in tables) == 2_000
        assert max(table.nbytes for table in tables if table.num_rows > 1) <= 2 * small_budget.table
        assert all(source.cost(pinned, piece, None) > 0 for piece in pinned.slices)

    def test_threads_read_the_same(self, write: Write, opened: Open, spool: Opened) -> None:
        write(people(5_000))
        source = opened()
        pinned = source.pin(spool)
        pieces = list(pinned.slices) * 4
        with ThreadPoolExecutor(8) as threads:
            tables = list(threads.map(lambda piece: pa.concat_tables(source.read(pinned, piece, None)), pieces))
        whole = pa.concat_tables(tables)
        assert whole.equals(pa.concat_tables([read(source, pinned)] * 4))

    def test_a_dataset_of_no_rows_has_a_schema(self, write: Write, opened: Open, spool: Opened) -> None:
        write(people(0))
        source = opened()
        pinned = source.pin(spool)
        assert pinned.records == 0
        assert sorted(pinned.schema.names) == sorted(people(0).schema.names)
        with source.scan(pinned) as rows, connect() as engine:
            engine.register("people", rows)
            assert engine.sql("select * from people").fetchall() == []

    def test_what_is_written_later_is_not_read(self, write: Write, opened: Open, spool: Opened) -> None:
        """The pinned rows are read as before if the source says that they are intact; if not, reading fails."""
        write(people(500))
        source = opened()
        pinned = source.pin(spool)
        before = read(source, pinned)
        assert source.intact(pinned)
        write(people(600, seed=2))
        if opened().intact(pinned):
            assert read(opened(), pinned).equals(before)
        else:
            for reader in (opened(), source):
                with pytest.raises(FatalError, match="people"):
                    read(reader, pinned)
        assert opened().pin(spool).records == 600

    @pytest.mark.usefixtures("absent")
    def test_data_that_is_not_there_names_the_dataset(self, opened: Open, spool: Opened) -> None:
        with pytest.raises((FatalError, DefinitionError), match="dataset people"):
            opened().pin(spool)

    def test_a_query_scans_the_same_rows_as_often_as_it_likes(self, write: Write, opened: Open, spool: Opened) -> None:
        table = people(5_000)
        write(table)
        source = opened()
        pinned = source.pin(spool)
        with source.scan(pinned) as rows, connect(threads=2) as engine:
            engine.register("people", rows)
            query = "select a.id from people a join people b using (id) where a.city = 'Köln' order by 1"
            found = engine.sql(query).to_arrow_table()["id"]
        assert found.to_pylist() == sorted(r["id"] for r in table.to_pylist() if r["city"] == "Köln")

    def test_members_are_selected_by_their_key(self, write: Write, opened: Open, spool: Opened) -> None:
        write(people(5_000))
        source = opened()
        pinned = source.pin(spool)
        rows = read(source, pinned).to_pylist()
        keys = pa.array([*sorted(r["id"] for r in rows if r["id"] % 7 == 0), 10**9])
        chosen = list(select(source, pinned, key="id", keys=keys, required=["mail", "upper(City)"]))
        assert len(chosen) == len(pinned.slices)
        start, kept, rejects = 0, [], []
        for one, piece in zip(chosen, pinned.slices, strict=True):
            kept += [rows[start + row]["id"] for row in one.rows.to_pylist()]
            rejects += [rows[start + row]["id"] for row in one.rejects.to_pylist()]
            start += piece.records
        members = [r for r in rows if r["id"] % 7 == 0]
        assert kept == [r["id"] for r in members if r["mail"] and r["city"]]
        assert rejects == [r["id"] for r in members if not (r["mail"] and r["city"])] != []

    def test_a_required_value_that_fails_is_not_told(self, write: Write, opened: Open, spool: Opened) -> None:
        write(people(50))
        source = opened()
        pinned = source.pin(spool)
        with pytest.raises(FatalError, match="Could not convert string") as failed:
            list(select(source, pinned, key="id", keys=None, required=["cast(city as integer)"]))
        told = "".join(traceback.format_exception(failed.value))
        assert not [city for city in people(50)["city"].to_pylist() if city and city in told]
