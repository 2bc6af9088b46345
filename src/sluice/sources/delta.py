"""Delta Lake tables: the table's log lists the files of each version."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import unquote

from sluice.errors import FatalError, RetriableError
from sluice.filesystem import Opened, open_filesystem
from sluice.filesystem.failures import outage
from sluice.foreign import said
from sluice.model.access import Connections
from sluice.sources.base import AddedBy, Columns, Pinned, Placed, Slice
from sluice.sources.commits import Commit, Log, Version, entries_of
from sluice.sources.delta_log import DeltaLog
from sluice.sources.file_set import Fixed, ParquetConfig
from sluice.sources.spooling import Copies, readable, under
from sluice.sources.stores import address, delta_options
from sluice.sources.unreadable import fit, unreadable, variant

if TYPE_CHECKING:
    import deltalake
    import pyarrow as pa


class Delta(ParquetConfig):
    """A Delta Lake table in a folder or in an object store."""

    added_by: ClassVar[AddedBy | None] = "snapshots"

    type: Literal["delta"]
    path: str
    """The table's folder, relative to the connection's folder, with `/` as separator. On S3, GCS and Azure, the path
    starts with the bucket or container."""

    def open(self, connections: Connections, *, dataset: str) -> DeltaSource:
        return DeltaSource(self, connections, dataset=dataset)


class DeltaSource(Log):
    """An opened Delta table. Safe to read from many threads."""

    def __init__(self, config: Delta, connections: Connections, *, dataset: str) -> None:
        self._access = connections.get(config.airflow_conn_id)
        self._address = address(self._access, config.path, config.airflow_conn_id)
        self._dataset = dataset
        opened = open_filesystem(connections, config.airflow_conn_id, config.path, read_only=True)
        self._files = config.file_set(opened, dataset=dataset)
        self._log = DeltaLog(self._files.opened)
        self._copies = Copies(connections, dataset=dataset)
        self._partitions: dict[str, dict[str, Fixed]] = {}
        self._lock = threading.Lock()

    def pin(self, spool: Opened | None = None) -> Pinned:
        """Pin the newest version. Its files are read in place, or copied if the table has deletion vectors or mapped
        columns."""
        table = self._table()
        pinned = self._copied(table, spool) if self._is_copied(table) else self._in_place(table)
        return pinned.model_copy(update={"table": str(table.metadata().id)})

    def _copied(self, table: deltalake.DeltaTable, spool: Opened | None) -> Pinned:
        self._refuse_outside(_paths(table))
        return self._copies.write(self._rows(table), spool)

    def _in_place(self, table: deltalake.DeltaTable) -> Pinned:
        schema = self._schema(table)
        entries = self._files.entries(sorted(_paths(table)))
        self._partitions[str(table.version())] = _partitions(table, schema)
        return self._files.pinned(entries, schema, version=str(table.version()))

    def columns(self) -> Columns:
        return Columns(self._schema(self._table()))

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
        fixed = self._fixed(pinned).get(piece.unit, {})
        return self._files.read(pinned, piece, columns, fixed, rows, as_decoded=as_decoded)

    def cost(self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None) -> int:
        if pinned.spool:
            return self._copies.of(pinned).cost(pinned, piece, columns)
        return self._files.cost(pinned, piece, columns)

    def scan(self, pinned: Pinned) -> AbstractContextManager[Any]:
        if pinned.spool:
            return self._copies.of(pinned).scan(pinned)
        return self._files.scan(pinned, self._fixed(pinned))

    def placed(self, pinned: Pinned) -> Placed:
        if pinned.spool:
            return self._copies.of(pinned).placed(pinned)
        return Placed(self._files.opened, "", self._fixed(pinned))

    def versions(self, pinned: Pinned) -> Iterator[Version]:
        return self._log.versions(int(pinned.version))

    def commit(self, version: Version) -> Commit:
        return self._log.commit(int(version.id))

    def of_files(self, pinned: Pinned, names: Mapping[str, Version]) -> Pinned:
        """The log no longer lists files that were removed since. Their partition values come from the version that
        added them, so the pinned version names those versions as well."""
        entries = entries_of(self._files, names, dataset=self._dataset)
        older = {version.id for name, version in names.items() if name not in pinned.units}
        version = ",".join([pinned.version, *sorted(older, key=int)])
        return self._files.pinned(entries, pinned.schema, version=version)

    def _refuse_outside(self, paths: Sequence[str]) -> None:
        """Delta's engine reads any path that a log names. On a local filesystem, allow only files below the
        connection's folder."""
        opened = self._files.opened
        opened.check_links()
        for path in (path for path in paths if "://" in path and opened.local):
            name = opened.below_root(path.removeprefix("file://"))
            if name is None:
                raise FatalError(
                    f"dataset {self._dataset}: {path} is outside {opened.root}, the folder of the connection "
                    f"{opened.conn_id}",
                    next_step="copy the whole table (a deep clone), or use a connection to a folder above both",
                )
            opened.stat(name)

    def _table(self, version: int | None = None) -> deltalake.DeltaTable:
        import deltalake

        with self._reporting():
            return deltalake.DeltaTable(self._address, version, storage_options=delta_options(self._access))

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Translate the errors of Delta's engine."""
        import pyarrow as pa
        from deltalake.exceptions import DeltaError, TableNotFoundError

        where = f"dataset {self._dataset}: {self._address}"
        self._files.opened.check_links("_delta_log")
        try:
            yield
        except TableNotFoundError as error:
            raise FatalError(f"{where} is not a Delta table", next_step="check the dataset's `path`") from error
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise outage(str(error), where) or _unreadable(where, error) from error

    def _is_copied(self, table: deltalake.DeltaTable) -> bool:
        """Whether the table must be read by Delta's engine and copied, because a file's own rows or column names are
        not the table's. The table's configuration and files are checked too: protocols before version 3 list no
        features."""
        features = table.protocol().reader_features or ()
        mapped = self._is_mapped(table)
        # A path with `://` lies outside the table's folder: a shallow clone refers to the files of its original.
        return mapped or "deletionVectors" in features or "://" in "".join(_paths(table)) or _has_marks(table)

    def _is_mapped(self, table: deltalake.DeltaTable) -> bool:
        """Whether columns are mapped. Raises `FatalError` if they are and the table's protocol does not say so: the
        engine would then read nulls."""
        mode = table.metadata().configuration.get("delta.columnMapping.mode", "none").lower()
        protocol = table.protocol()
        reads = protocol.min_reader_version == 2 or "columnMapping" in (protocol.reader_features or ())
        if mode != "none" and not reads:
            raise FatalError(
                f"dataset {self._dataset}: {self._address} maps its columns by {mode}, but its protocol (reader "
                f"version {protocol.min_reader_version}) does not support that: readers would find only nulls",
                next_step="raise the table's protocol: `ALTER TABLE ... SET TBLPROPERTIES "
                "('delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')`",
            )
        return mode != "none"

    def _rows(self, table: deltalake.DeltaTable) -> Iterator[pa.Table]:
        import pyarrow as pa

        schema = self._schema(table)
        yield schema.empty_table()  # so that the copy of a table without rows has the schema too
        with self._reporting():
            for batch in pa.RecordBatchReader.from_stream(table.scan(readable(schema))):
                yield under(schema, batch)

    def _schema(self, table: deltalake.DeltaTable) -> pa.Schema:
        """The table's columns. Those that cannot be delivered carry the reason."""
        import pyarrow as pa

        declared = json.loads(table.schema().to_json())["fields"]
        with self._reporting():
            found = pa.schema(table.schema().to_arrow())
        fields = [fit(field, self._address) for field in found]
        variants = {one["name"] for one in declared if _has_variant(one["type"])}
        return pa.schema([unreadable(f, variant(self._address)) if f.name in variants else f for f in fields])

    def _fixed(self, pinned: Pinned) -> dict[str, Fixed]:
        """The partition values of each file, read once from the pinned versions of the log."""
        with self._lock:
            if pinned.version not in self._partitions:
                fixed: dict[str, Fixed] = {}
                for version in pinned.version.split(","):
                    fixed |= _partitions(self._table(int(version)), pinned.schema)
                self._partitions[pinned.version] = fixed
            return self._partitions[pinned.version]


def _unreadable(where: str, error: Exception) -> FatalError | RetriableError:
    text = str(error).partition("\n")[0]  # the engine's own stack trace follows
    if any(sign in text for sign in ("error sending request", "timed out", "Connection refused", "status 5")):
        return RetriableError(f"{where} is unreachable: {said(error)}")
    unknown = re.search(r"Feature '\w+' is not supported", text)  # safe to quote: it holds no row value
    return FatalError(
        f"{where} cannot be read: {said(error)}{f': {unknown[0]}' if unknown else ''}",
        next_step="check the table's log and the connection's permissions",
    )


def _has_variant(declared: str | dict[str, Any]) -> bool:
    """Whether a type in Delta's schema is or contains a variant."""
    if isinstance(declared, str):
        return declared == "variant"
    parts = [field["type"] for field in declared.get("fields", ())]
    parts += [declared[part] for part in ("elementType", "keyType", "valueType") if part in declared]
    return any(map(_has_variant, parts))


def _paths(table: deltalake.DeltaTable) -> list[str]:
    import pyarrow as pa

    actions = pa.table(table.get_add_actions())
    return [unquote(path) for path in actions["path"].to_pylist()]  # the log URL-encodes paths


def _has_marks(table: deltalake.DeltaTable) -> bool:
    """Whether rows in the table's files are marked as deleted (deletion vectors). An error counts as yes: the engine
    raises one for incomplete marks."""
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    try:
        marks = pa.RecordBatchReader.from_stream(table.deletion_vectors())
        return any(batch.num_rows for batch in marks)
    except (DeltaError, OSError, pa.ArrowException):
        return True


def _partitions(table: deltalake.DeltaTable, schema: pa.Schema) -> dict[str, Fixed]:
    import pyarrow as pa

    actions = pa.table(table.get_add_actions())
    if "partition" not in actions.column_names:
        return {}
    values = actions["partition"].to_pylist()
    return {
        path: {name: pa.scalar(value, schema.field(name).type) for name, value in own.items()}
        for path, own in zip(_paths(table), values, strict=True)
    }
