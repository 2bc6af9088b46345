"""Iceberg tables: a catalog locates the table, and a snapshot lists its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sluice.errors import DefinitionError, FatalError, RetriableError
from sluice.filesystem import Opened, open_filesystem
from sluice.foreign import said
from sluice.model.access import CatalogAccess, Connections, SqlAccess
from sluice.sources.base import AddedBy, Columns, Pinned, Placed, Slice
from sluice.sources.commits import START, Commit, Log, Version, entries_of, refuse_copy
from sluice.sources.file_set import ParquetConfig
from sluice.sources.iceberg_types import has_structs_in_lists, small
from sluice.sources.spooling import Copies, readable, under
from sluice.sources.stores import iceberg_properties
from sluice.sources.unreadable import fit

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.schema import Schema
    from pyiceberg.table import FileScanTask, Table


class Iceberg(ParquetConfig):
    """An Iceberg table, through a REST catalog or a catalog in a SQL database (SQLite is enough on one machine)."""

    added_by: ClassVar[AddedBy | None] = "snapshots"

    type: Literal["iceberg"]
    table: str
    """The table with its namespace: `sales.orders`."""
    catalog: str = "default"
    """The catalog's name. A SQL database may hold several catalogs."""
    files_conn_id: str
    """The Airflow connection to the filesystem that holds the table's files."""

    def open(self, connections: Connections, *, dataset: str) -> IcebergSource:
        return IcebergSource(self, connections, dataset=dataset)


class IcebergSource(Log):
    """An opened Iceberg table. Safe to read from many threads."""

    def __init__(self, config: Iceberg, connections: Connections, *, dataset: str) -> None:
        self._config = config
        self._connections = connections
        self._dataset = dataset
        self._store = connections.get(config.files_conn_id)
        opened = open_filesystem(connections, config.files_conn_id, "", read_only=True)
        self._files = config.file_set(opened, dataset=dataset)
        self._copies = Copies(connections, dataset=dataset)

    def pin(self, spool: Opened | None = None) -> Pinned:
        """Pin the current snapshot. Its files are read in place, or copied if rows were deleted from them or columns
        were renamed since: then a file's own rows and names are not the table's."""
        table = self._table()
        tasks, schema = self._tasks(table), self._schema(table.schema())
        pinned = self._in_place(table, tasks, schema)
        if pinned is None:
            self._refuse_outside(tasks)
            self._refuse_lossy(schema)
            reader = table.scan(selected_fields=tuple(readable(schema))).to_arrow_batch_reader()
            pinned = self._copies.write(_rows(reader, schema), spool)
        return pinned.model_copy(update={"table": str(table.metadata.table_uuid)})

    def _in_place(self, table: Table, tasks: Sequence[FileScanTask], schema: pa.Schema) -> Pinned | None:
        names = [self._name(task.file.file_path) for task in tasks]
        if None in names or not all(map(_is_plain, tasks)) or _has_defaults(table.schema()):
            return None
        entries = self._files.entries([name for name in names if name is not None])
        if not all(self._has_own_names(entry.file.name, table.schema()) for entry in entries):
            return None
        return self._files.pinned(entries, schema, version=str(table.metadata.current_snapshot_id or START))

    def _tasks(self, table: Table) -> list[FileScanTask]:
        """The files of the current snapshot, each with its delete files."""
        try:
            # `plan_files` has no fixed order, and a retry must pin the same one.
            return sorted(table.scan().plan_files(), key=lambda task: task.file.file_path)
        except (ValueError, NotImplementedError) as error:
            if not _has_equality_deletes(table):
                raise self._unreadable(error) from error
            raise FatalError(
                f"dataset {self._dataset}: {self._config.table} has equality deletes (rows deleted by value, as Flink "
                "writes them), which pyiceberg cannot apply",
                next_step="rewrite the table's data files in Spark: `CALL system.rewrite_data_files(table => "
                f"'{self._config.table}', options => map('delete-file-threshold', '1', "
                "'remove-dangling-deletes', 'true'))`",
            ) from error

    def columns(self) -> Columns:
        return Columns(self._schema(self._table().schema()))

    def intact(self, pinned: Pinned) -> bool:
        return self._copies.of(pinned).intact(pinned) if pinned.spool else not self._files.changed(pinned)

    def read(
        self,
        pinned: Pinned,
        piece: Slice,
        columns: Sequence[str] | None,
        rows: pa.Array | None = None,
        *,
        as_decoded: bool = False,
    ) -> Iterator[pa.Table]:
        if pinned.spool:
            return self._copies.of(pinned).read(pinned, piece, columns, rows, as_decoded=as_decoded)
        return self._files.read(pinned, piece, columns, {}, rows, as_decoded=as_decoded)

    def cost(self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None) -> int:
        if pinned.spool:
            return self._copies.of(pinned).cost(pinned, piece, columns)
        return self._files.cost(pinned, piece, columns)

    def scan(self, pinned: Pinned) -> AbstractContextManager[Any]:
        return self._copies.of(pinned).scan(pinned) if pinned.spool else self._files.scan(pinned, {})

    def placed(self, pinned: Pinned) -> Placed:
        return self._copies.of(pinned).placed(pinned) if pinned.spool else Placed(self._files.opened, "", {})

    def versions(self, pinned: Pinned) -> Iterator[Version]:
        wanted = pinned.version
        while wanted != START and (snapshot := self._history.metadata.snapshot_by_id(int(wanted))):
            parent = START if snapshot.parent_snapshot_id is None else str(snapshot.parent_snapshot_id)
            yield Version(wanted, datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC), parent)
            wanted = parent

    def commit(self, version: Version) -> Commit:
        from pyiceberg.manifest import DataFileContent, ManifestEntryStatus
        from pyiceberg.table.snapshots import Operation

        snapshot = self._history.metadata.snapshot_by_id(int(version.id))
        assert snapshot is not None and snapshot.summary is not None  # noqa: S101, PT018 - `versions` has found it
        entries = [
            entry
            for manifest in snapshot.manifests(self._history.io)
            if manifest.added_snapshot_id == snapshot.snapshot_id  # the others belong to earlier snapshots
            for entry in manifest.fetch_manifest_entry(self._history.io, discard_deleted=False)
            if entry.snapshot_id == snapshot.snapshot_id  # a new manifest may carry over older entries
        ]
        files = [entry for entry in entries if entry.data_file.content is DataFileContent.DATA]
        return Commit(
            frozenset(one.data_file.file_path for one in files if one.status is ManifestEntryStatus.ADDED),
            frozenset(one.data_file.file_path for one in files if one.status is ManifestEntryStatus.DELETED),
            compacts=snapshot.summary.operation is Operation.REPLACE,
            marks=len(files) < len(entries),  # the rest are delete files
        )

    def of_files(self, pinned: Pinned, names: Mapping[str, Version]) -> Pinned:
        below = [name for path in names if (name := self._name(path)) is not None]
        entries = entries_of(self._files, below, dataset=self._dataset)
        own = all(self._has_own_names(name, self._history.schema()) for name in below)
        refuse_copy(self, pinned, copied=len(below) < len(names) or not own)
        return self._files.pinned(entries, pinned.schema, version=pinned.version)

    @cached_property
    def _history(self) -> Table:
        """The table with its log, loaded once. It is newer than anything that was pinned before."""
        return self._table()

    def _refuse_outside(self, tasks: Sequence[FileScanTask]) -> None:
        """pyiceberg reads any path that a table names. On a local filesystem, allow only files below the connection's
        folder."""
        if not self._files.opened.local:
            return
        for path in {file.file_path for task in tasks for file in [task.file, *task.delete_files]}:
            name = self._name(path)
            if name is None:
                raise FatalError(
                    f"dataset {self._dataset}: {path} is outside {self._files.opened.root}, the folder of the "
                    f"connection {self._config.files_conn_id}",
                    next_step="set `files_conn_id` to a connection whose folder holds all files of the table",
                )
            self._files.opened.stat(name)

    def _refuse_lossy(self, schema: pa.Schema) -> None:
        """pyiceberg 0.12 reads a null list of structs as an empty one, so refuse it where pyiceberg must read the rows.
        Files without deletes are read by our own reader, which keeps the null."""
        for field in schema:
            if has_structs_in_lists(field.type):
                raise FatalError(
                    f"dataset {self._dataset}: {self._config.table} has deleted rows or renamed columns, which only "
                    f"pyiceberg can apply, and pyiceberg reads null as empty in {field.name!r} of type {field.type}",
                    next_step="rewrite the table's data files (Spark: `rewrite_data_files`), so that none has deletes",
                )

    def _table(self) -> Table:
        import pydantic
        from pyiceberg.catalog import load_catalog
        from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError, RESTError, ValidationError

        where = f"dataset {self._dataset}: connection {self._config.airflow_conn_id}"
        try:
            return load_catalog(self._config.catalog, **self._properties()).load_table(self._config.table)
        except (NoSuchTableError, NoSuchNamespaceError) as error:
            raise FatalError(
                f"{where} has no Iceberg table {self._config.table}", next_step="check the dataset's `table`"
            ) from error
        except (OSError, RESTError) as error:
            raise RetriableError(f"{where}: {said(error)}") from error
        except (ValidationError, pydantic.ValidationError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> FatalError:
        """The table uses something that pyiceberg does not support: a column type, or a later format version."""
        return FatalError(
            f"dataset {self._dataset}: pyiceberg cannot read {self._config.table}: {'; '.join(_unknown(error))}",
            next_step="write the table without it, for example a VARIANT as text; or export it through a SQL database",
        )

    def _schema(self, schema: Schema) -> pa.Schema:
        """The table's columns. Those that cannot be delivered carry the reason."""
        import pyarrow as pa
        from pyiceberg.io.pyarrow import schema_to_pyarrow

        try:
            found = schema_to_pyarrow(schema, include_field_ids=False)
        except (TypeError, ValueError, NotImplementedError) as error:
            raise self._unreadable(error) from error
        fields = [fit(field, self._config.table) for field in found]
        return pa.schema([field.with_type(small(field.type)) for field in fields])

    def _properties(self) -> dict[str, str]:
        access = self._connections.get(self._config.airflow_conn_id)
        files = iceberg_properties(self._store)
        if isinstance(access, CatalogAccess):
            return files | dict(access.properties)
        if isinstance(access, SqlAccess):
            return files | {"type": "sql", "uri": access.uri}
        raise DefinitionError(
            f"dataset {self._dataset}: connection {self._config.airflow_conn_id} is not an Iceberg catalog",
            known=["iceberg", "postgres"],
            next_step="use a connection of one of these types",
        )

    def _name(self, path: str) -> str | None:
        """The path relative to the folder of the files' connection. None if it is elsewhere."""
        location = path.split("://", 1)[-1] if "://" in path else path.removeprefix("file:")
        scheme = path.split("://", 1)[0] if "://" in path else "file"
        return self._files.opened.below_root(location) if (scheme == "file") == self._files.opened.local else None

    def _has_own_names(self, name: str, schema: Schema) -> bool:
        """Whether every column has the same name in the file as in the table now. Iceberg identifies columns by field
        id, so a renamed column keeps its old name in older files."""
        mine = self._files.field_numbers(name)
        theirs = {field_id: schema.find_column_name(field_id) for field_id in schema.field_ids}
        if not mine or any(theirs.get(number, own) != own for number, own in mine.items()):
            return False
        # Also the other way round: a new column may reuse the name that an older one has in the file.
        numbers = {own: number for number, own in mine.items()}
        return all(numbers.get(own, number) == number for number, own in theirs.items() if own)


def _is_plain(task: FileScanTask) -> bool:
    return not task.delete_files and task.file.file_format.name == "PARQUET"


def _has_defaults(schema: Schema) -> bool:
    """Whether a column, at any level, was added with a default for older rows: older files do not hold that value."""
    return any(schema.find_field(number).initial_default is not None for number in schema.field_ids)


def _has_equality_deletes(table: Table) -> bool:
    from pyiceberg.manifest import DataFileContent, ManifestContent

    snapshot = table.current_snapshot()
    return snapshot is not None and any(
        entry.data_file.content is DataFileContent.EQUALITY_DELETES
        for manifest in snapshot.manifests(table.io)
        if manifest.content is ManifestContent.DELETES
        for entry in manifest.fetch_manifest_entry(table.io)
    )


def _unknown(error: Exception) -> list[str]:
    """The causes of the error. For metadata that does not parse: each place in it, with its message."""
    from pydantic import ValidationError

    parsed = error if isinstance(error, ValidationError) else error.__cause__
    if not isinstance(parsed, ValidationError):
        return [said(error)]
    places = {
        ".".join(map(str, one["loc"])): one["msg"] for one in parsed.errors(include_url=False, include_input=False)
    }
    return [f"{place} of its metadata: {what}" for place, what in places.items()]


def _rows(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.Table]:
    yield schema.empty_table()
    for batch in reader:
        yield under(schema, batch)
