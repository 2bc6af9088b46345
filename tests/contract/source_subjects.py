"""Every source with the ways that its data is written for the exam."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog, load_catalog

from sluice.filesystem import Opened, open_filesystem
from sluice.model.access import Access, FolderAccess, SqlAccess
from sluice.sources import SOURCES
from sluice.sources.base import Source, SourceConfig
from tests.servers.postgres import Database

ROWS_PER_GROUP = 700


class Lake:
    """A folder for the data, one for what is spooled, and the connections to both."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.database = database
        self.folder = folder / "lake"
        self.folder.mkdir()
        self.more: dict[str, Access] = {}
        self._staging = folder / "staging"

    def get(self, conn_id: str) -> Access:
        """The `Connections` protocol."""
        known: dict[str, Access] = {"lake": FolderAccess(self.folder), "staging": FolderAccess(self._staging)}
        return (known | self.more)[conn_id]

    @property
    def spool(self) -> Opened:
        return open_filesystem(self, "staging", "spool")


@dataclass(frozen=True)
class Subject:
    """A source's type and how its data comes to be; what is promised beside the exam's own questions."""

    type: str
    variant: str
    declared: dict[str, object]
    put: Callable[[Lake, pa.Table], None]
    """Write the dataset, or write it again as a whole."""
    without: tuple[str, ...] = ()
    """Columns of `every_type` that it cannot hold."""
    keeps: bool = False
    """Whether what was pinned can still be read when the dataset has changed; if not, reading refuses."""
    exact: bool = True
    """Whether Arrow's types come back as they were, and not only the values."""
    copies: bool = False
    """Whether pinning copies the rows, and so gives another version each time."""
    absent: Callable[[Lake], None] = lambda _: None
    """What there is where the dataset is not."""

    def __str__(self) -> str:
        return f"{self.type}-{self.variant}"

    def config(self) -> SourceConfig:
        return SOURCES[self.type].model_validate({"type": self.type, "airflow_conn_id": "lake", **self.declared})

    def open(self, lake: Lake) -> Source:
        return self.config().open(lake, dataset="people")

    def write(self, lake: Lake, table: pa.Table) -> Source:
        self.put(lake, table)
        return self.open(lake)


def one_file(lake: Lake, table: pa.Table) -> None:
    pq.write_table(table, lake.folder / "people.parquet", row_group_size=ROWS_PER_GROUP)


def folder(lake: Lake, table: pa.Table) -> None:
    """Three files in nested folders, beside what must not be read."""
    third = -(-table.num_rows // 3)
    for number, name in enumerate(("a.parquet", "b/c.parquet", "b/d/e.snappy.parquet")):
        path = lake.folder / "people" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.slice(number * third, third), path, row_group_size=ROWS_PER_GROUP)
    for name in ("_SUCCESS", "_delta_log/x.parquet", ".hidden.parquet", "notes.txt"):
        path = lake.folder / "people" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"not Parquet")


def hive(lake: Lake, table: pa.Table) -> None:
    """A folder for each value of a text or date column; some values are null or need escaping."""
    shutil.rmtree(lake.folder / "people", ignore_errors=True)
    key = "city" if "city" in table.column_names else "day"
    if table.num_rows == 0:
        path = lake.folder / "people" / f"{key}=Paris"
        path.mkdir(parents=True)
        pq.write_table(table.drop_columns([key]), path / "part-0.parquet")
        return
    pq.write_to_dataset(
        table, lake.folder / "people", partition_cols=[key], basename_template="part-{i}.parquet", row_group_size=300
    )


def without_table(lake: Lake) -> None:
    in_sqlite(lake, pa.table({"id": [1]}))
    with closing(sqlite3.connect(lake.folder / "people.sqlite")) as connection:
        connection.execute("drop table people")


def nowhere(lake: Lake) -> None:
    in_postgres(lake, pa.table({"id": [1]}))
    lake.database.execute("drop table people")


def in_postgres(lake: Lake, table: pa.Table) -> None:
    """A table of its own types, filled by ADBC's own ingestion."""
    lake.more["lake"] = lake.database.access()
    with adbc.connect(lake.database.address.replace("+psycopg2", "")) as connection, connection.cursor() as cursor:
        cursor.execute("drop table if exists people")
        columns = ", ".join(f"{field.name} {_POSTGRES[str(field.type)]}" for field in table.schema)
        cursor.execute(f"create table people ({columns})")
        if table.num_rows:
            cursor.adbc_ingest("people", table, mode="append")
        connection.commit()


_POSTGRES = {
    "int64": "bigint",
    "int32": "integer",
    "bool": "boolean",
    "float": "real",
    "double": "double precision",
    "string": "text",
    "binary": "bytea",
    "decimal128(12, 2)": "numeric(12,2)",
    "decimal128(38, 10)": "numeric(38,10)",
    "date32[day]": "date",
    "timestamp[us]": "timestamp",
    "timestamp[us, tz=UTC]": "timestamptz",
    "list<item: string>": "text[]",
}


def in_sqlite(lake: Lake, table: pa.Table) -> None:
    """A database that only DB-API reaches, with SQLite's few types."""
    path = lake.folder / "people.sqlite"
    lake.more["lake"] = SqlAccess(uri=f"sqlite:///{path}", conn_type="sqlite", connect=lambda: sqlite3.connect(path))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("drop table if exists people")
        connection.execute(f"create table people ({', '.join(table.column_names)})")
        slots = ", ".join("?" for _ in table.column_names)
        rows = zip(*table.to_pydict().values(), strict=True)
        connection.executemany(f"insert into people values ({slots})", rows)  # noqa: S608


def delta(lake: Lake, table: pa.Table) -> None:
    deltalake.write_deltalake(lake.folder / "people", table, mode="overwrite", target_file_size=40_000)


def delta_partitioned(lake: Lake, table: pa.Table) -> None:
    key = "city" if "city" in table.column_names else "day"
    deltalake.write_deltalake(lake.folder / "people", table, mode="overwrite", partition_by=[key])


def delta_with_deletion_vectors(lake: Lake, table: pa.Table) -> None:
    """A table under which Delta's engine has to read, for a file's own rows are not the table's."""
    deltalake.write_deltalake(
        lake.folder / "people", table, mode="overwrite", configuration={"delta.enableDeletionVectors": "true"}
    )


def iceberg(lake: Lake, table: pa.Table) -> None:
    """Two appends, so two files; written again in place of what was there."""
    catalog = _catalog(lake)
    half = table.num_rows // 2
    if catalog.table_exists("crm.people"):
        catalog.load_table("crm.people").overwrite(table)
        return
    created = catalog.create_table("crm.people", schema=table.schema)
    for part in (table.slice(0, half), table.slice(half)):
        if part.num_rows:
            created.append(part)


def iceberg_renamed(lake: Lake, table: pa.Table) -> None:
    """The files call a column otherwise than the table does now."""
    names = {table.column_names[0]: "before"}
    catalog = _catalog(lake)
    if catalog.table_exists("crm.people"):
        catalog.load_table("crm.people").overwrite(table)
        return
    created = catalog.create_table("crm.people", schema=table.rename_columns(names).schema)
    if table.num_rows:
        created.append(table.rename_columns(names))
    with created.update_schema() as change:
        change.rename_column("before", table.column_names[0])


def _catalog(lake: Lake) -> Catalog:
    uri = f"sqlite:///{lake.folder}/catalog.db"
    lake.more["lake"] = SqlAccess(uri=uri, conn_type="sqlite", connect=lambda: None)
    lake.more["files"] = FolderAccess(lake.folder)
    catalog = load_catalog("default", type="sql", uri=uri, warehouse=str(lake.folder / "warehouse"))
    catalog.create_namespace_if_not_exists("crm")
    return catalog


def no_catalog_entry(lake: Lake) -> None:
    _catalog(lake)


SUBJECTS = (
    Subject("delta", "plain", {"path": "people"}, delta, keeps=True),
    Subject("delta", "partitioned", {"path": "people"}, delta_partitioned, keeps=True),
    Subject(
        "delta",
        "deletion vectors",
        {"path": "people"},
        delta_with_deletion_vectors,
        keeps=True,
        exact=False,
        copies=True,
    ),
    Subject(
        "iceberg",
        "sqlite",
        {"table": "crm.people", "files_conn_id": "files"},
        iceberg,
        without=("points",),  # pyiceberg's writer makes an empty list of a null one where the items are structs
        keeps=True,
        absent=no_catalog_entry,
    ),
    Subject(
        "iceberg",
        "renamed",
        {"table": "crm.people", "files_conn_id": "files"},
        iceberg_renamed,
        without=("points",),
        keeps=True,
        copies=True,
        absent=no_catalog_entry,
    ),
    Subject("parquet", "file", {"path": "people.parquet"}, one_file),
    Subject("parquet", "folder", {"path": "people"}, folder),
    Subject("parquet", "hive", {"path": "people"}, hive, exact=False),
    Subject(
        "sql",
        "postgres",
        {"table": "public.people"},
        in_postgres,
        without=("place", "points"),
        keeps=True,
        copies=True,
        absent=nowhere,
    ),
    Subject(
        "sql",
        "sqlite",
        {"query": "select * from people;"},
        in_sqlite,
        without=("truth", "price", "wide", "day", "local", "zoned", "place", "tags", "points"),
        keeps=True,
        exact=False,
        copies=True,
        absent=without_table,
    ),
)
