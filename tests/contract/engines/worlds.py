"""The same rows in each engine's own place: tables of PostgreSQL, and files that a Spark cluster reads."""

# ruff: noqa: S608 - the statements are made here

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, cast

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.definition.models.catalog import Dataset, Segment
from sluice.definition.models.project import Project, Settings
from sluice.model.access import Access, FolderAccess, SparkAccess, SparkSubmitAccess
from sluice.refresh.evaluate import evaluate_segment
from sluice.refresh.membership import Membership, read_keys
from sluice.refresh.spark.lake import Lake
from sluice.refresh.spark.session import session
from sluice.refresh.spark.spelling import Spark
from sluice.sources.postgres.spelling import Postgres
from sluice.sources.sql import SqlSource
from sluice.sql import quote
from sluice.sql.translation.dialect import translate
from sluice.sql.translation.relation import Relation
from tests.contract.engines.cases import COLUMNS, as_arrow, inserted, rows
from tests.servers.postgres import Database

NOW = datetime(2026, 11, 30, tzinfo=UTC)
_SEED = 7
_ROWS = {"people": 120, "orders": 40}
SPARK: dict[str, Any] = {"type": "spark", "airflow_conn_id": "cluster"}
"""`engine` of a segment that a cluster must evaluate."""


class World:
    """Connections, and projects that read through them. `folder` is new for each test."""

    def __init__(self, folder: Path, sources: Mapping[str, tuple[str, Mapping[str, Any]]], **access: Access) -> None:
        self.folder = folder
        self.access: dict[str, Access] = {"staging": FolderAccess(folder), **access}
        self.sources = dict(sources)
        self.path = "sluice"
        """The folder of staging, below its connection."""

    def get(self, conn_id: str) -> Access:
        """The `Connections` protocol."""
        return self.access[conn_id]

    def project(self, **segments: Mapping[str, Any]) -> Project:
        datasets = {
            name: Dataset.model_validate({"name": name, "kind": "profile", "key": key, "source": source})
            for name, (key, source) in self.sources.items()
        }
        declared = {
            name: Segment.model_validate({"name": name, "dataset": "people", **spec}) for name, spec in segments.items()
        }
        settings = Settings.model_validate({"staging": {"airflow_conn_id": "staging", "path": self.path}})
        return Project(
            settings=settings, datasets=datasets, segments=declared, refreshes={}, connections={}, exports={}
        )

    def evaluate(self, *, before: Mapping[str, Mapping[str, Any]] | None = None, **spec: Any) -> Evaluated:
        """Evaluate a segment, after others that it reads."""
        project = self.project(**(before or {}), some=spec)
        for name in before or ():
            evaluate_segment(project, name, self, "manual__1", NOW)
        written = evaluate_segment(project, "some", self, "manual__1", NOW)
        return written, read_keys(written, project.settings.staging, self)

    def staged(self) -> set[str]:
        """The names of all files in staging."""
        return {path.name for path in self.folder.rglob("*") if path.is_file()}

    def write(self, name: str, table: pa.Table) -> Path:
        """Make `people` a dataset of this one file, in a lake of this test."""
        path = self.folder / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        self.access["lake"] = FolderAccess(self.folder / "own")
        self.sources["people"] = ("id", {"type": "parquet", "airflow_conn_id": "lake", "path": name.partition("/")[0]})
        return path


Evaluated = tuple[Membership, pa.ChunkedArray]


class Place(Protocol):
    """Where an engine finds people and orders, for all tests of a module."""

    name: str
    """The engine's name, as a refresh logs it."""
    called: str
    """The place in an error."""
    demanded: Any
    """`engine` of a segment that must be evaluated here."""
    tried: int
    """Random rules that are tried. Spark takes a fifth of a second to plan one."""

    def world(self, folder: Path) -> World: ...

    def rows(self, table: str) -> pa.Table: ...

    def translated(self, rule: str) -> str:
        """The rule in the engine's SQL. Raises `UnlikeError`."""
        ...

    def answers(self, queries: Sequence[str]) -> list[list[Any]]:
        """The keys that each translated query finds."""
        ...


class InPostgres:
    """A database whose role has settings that change what a careless translation means."""

    name = "PostgreSQL"
    called = "the database"
    demanded: Any = "database"
    tried = 400
    setup = (
        "create role elsewhere superuser login password 'x'",
        "alter role elsewhere set timezone = 'Asia/Tokyo'",
        "alter role elsewhere set datestyle = 'SQL, DMY'",
        "alter role elsewhere set standard_conforming_strings = off",
        'create table odd (id uuid primary key, mood char(3), price numeric, ci text, until date, "a""b; -- c" int)',
        "insert into odd values ('00000000-0000-0000-0000-00000000000a', 'a', 1.5, 'a', '2026-01-01', 1),"
        " ('00000000-0000-0000-0000-00000000000b', 'b', 2.5, 'B', 'infinity', 2)",
    )
    collated = {"T": ' collate "C"', "posix": ' collate "POSIX"'}

    def __init__(self, database: Database) -> None:
        chance = random.Random(_SEED)
        database.execute(*self.setup)
        for table, count in _ROWS.items():
            listed = ", ".join(
                f"{quote(name)} {kind}{self.collated.get(name, '')}" for name, (kind, _) in COLUMNS.items()
            )
            inserts = (inserted(table, row) for row in rows(count, chance))
            database.execute(f"create table {table} (id int, {listed})", *inserts)
        self.access = database.access("elsewhere", "x")

    def world(self, folder: Path) -> World:
        sql = {"type": "sql", "airflow_conn_id": "db"}
        sources = {
            "people": ("id", sql | {"table": "public.people"}),
            "orders": ("id", sql | {"query": "select * from orders -- all;\n;"}),
            "odd": ("id", sql | {"table": "odd"}),
            "far": ("id", sql | {"table": "orders", "airflow_conn_id": "other"}),
        }
        return World(folder, sources, db=self.access, other=self.access)

    @cached_property
    def _sources(self) -> dict[str, SqlSource]:
        world = self.world(Path())
        datasets = world.project().datasets
        return {name: cast("SqlSource", datasets[name].source.open(world, dataset=name)) for name in _ROWS}

    @cached_property
    def _relations(self) -> dict[str, Relation]:
        return {name: source.relation() for name, source in self._sources.items()}

    def rows(self, table: str) -> pa.Table:
        return pa.concat_tables(self._sources[table].rows_of(f"select * from {table}"))

    def translated(self, rule: str) -> str:
        return translate(rule, self._relations, Postgres())

    def answers(self, queries: Sequence[str]) -> list[list[Any]]:
        found = []
        with adbc.connect(self.access.uri) as connection, connection.cursor() as cursor:
            cursor.execute("set timezone = 'UTC'")
            for query in queries:
                cursor.execute(query)
                found.append([row[0] for row in cursor.fetchall()])
        return found


class InSpark:
    """A cluster of one process, which reads Parquet files of the same folder. Its own settings are unfriendly."""

    name = called = "Spark"
    tried = 80
    demanded: Any = SPARK

    def __init__(self, server: SparkAccess | SparkSubmitAccess, lake: Path, running: ExitStack) -> None:
        self.server, self.lake, self._running = server, lake, running
        chance = random.Random(_SEED)
        for table, count in _ROWS.items():
            held = as_arrow(list(rows(count, chance)))
            for part in range(2):  # small row groups, so that their statistics decide something
                below = lake / table / f"part [{part}] of {{2}}.parquet"
                below.parent.mkdir(exist_ok=True, parents=True)
                half = -(-count // 2)
                pq.write_table(held.slice(part * half, half), below, row_group_size=7)

    def world(self, folder: Path) -> World:
        files = {"type": "parquet", "airflow_conn_id": "lake"}
        sources = {name: ("id", files | {"path": name}) for name in _ROWS}
        return World(folder, sources, lake=FolderAccess(self.lake), cluster=self.server)

    @cached_property
    def _lake(self) -> Lake:
        world = self.world(self.lake)
        return Lake(list(_ROWS), world.project(), world)

    def rows(self, table: str) -> pa.Table:
        return pa.concat_tables(pq.read_table(path) for path in sorted((self.lake / table).iterdir()))

    @cached_property
    def session(self) -> Any:
        assert isinstance(self.server, SparkAccess)
        opened = self._running.enter_context(session(self.server, "cluster", "exam"))
        for table in self._lake.datasets.values():
            table.open(opened, "cluster")
        return opened

    def translated(self, rule: str) -> str:
        relations = {name: table.relation for name, table in self._lake.datasets.items()}
        return translate(rule, relations, Spark())

    def answers(self, queries: Sequence[str]) -> list[list[Any]]:
        """Many queries are one job: planning each alone would take most of the time."""
        found: list[list[Any]] = [[] for _ in queries]
        for row in self.session.sql(together(queries)).collect():
            found[row[0]].append(row[1])
        return found


def together(queries: Sequence[str]) -> str:
    """One query whose rows begin with the number of the query that has found them."""
    return " union all ".join(f"select {n} as n, * from ({query})" for n, query in enumerate(queries))
