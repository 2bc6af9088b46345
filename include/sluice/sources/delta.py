"""Delta Lake tables: their log says which files one version consists of."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import unquote

from sluice.errors import FatalError, RetriableError
from sluice.filesystem import Opened, open_filesystem
from sluice.filesystem.failures import outage
from sluice.model.access import Connections
from sluice.sources.base import AddedBy, Columns, Pinned, Slice, SourceConfig
from sluice.sources.commits import START, Commit, Log, Version, entries_of
from sluice.sources.file_set import FileSet, Fixed
from sluice.sources.spooling import Copies
from sluice.sources.stores import address, delta_options
from sluice.sources.widening import plain

if TYPE_CHECKING:
    import deltalake
    import pyarrow as pa

_COPIED = {"deletionVectors", "columnMapping"}
"""Features under which a file's own rows or names are not the table's: Delta's engine reads those, into a copy."""


class Delta(SourceConfig):
    """A Delta Lake table in a folder of a filesystem or an object store."""

    added_by: ClassVar[AddedBy | None] = "snapshots"

    type: Literal["delta"]
    path: str
    """The table's folder, with `/` between levels: below the connection's own folder; on S3, GCS and Azure the first
    level is the bucket or container."""

    def open(self, connections: Connections, *, dataset: str) -> DeltaSource:
        return DeltaSource(self, connections, dataset=dataset)


class DeltaSource(Log):
    """An opened Delta table. Safe to read from many threads."""

    def __init__(self, config: Delta, connections: Connections, *, dataset: str) -> None:
        self._access = connections.get(config.airflow_conn_id)
        self._address = address(self._access, config.path, config.airflow_conn_id)
        self._dataset = dataset
        self._files = FileSet(
            open_filesystem(connections, config.airflow_conn_id, config.path, read_only=True), dataset=dataset
        )
        self._copies = Copies(connections, dataset=dataset)
        self._partitions: dict[str, dict[str, Fixed]] = {}
        self._lock = threading.Lock()

    def pin(self, spool: Opened | None = None) -> Pinned:
        """The newest version: its files where they are; a copy where it has deletion vectors or mapped columns."""
        table = self._table()
        if _COPIED & set(table.protocol().reader_features or ()) or "://" in "".join(_paths(table)):
            return self._copies.write(self._rows(table), spool)
        schema = _schema(table)
        entries = self._files.entries(sorted(_paths(table)))
        self._partitions[str(table.version())] = _partitions(table, schema)
        return self._files.pinned(entries, schema, version=str(table.version()))

    def columns(self) -> Columns:
        return Columns(_schema(self._table()))

    def intact(self, pinned: Pinned) -> bool:
        return self._copies.of(pinned).intact(pinned) if pinned.spool else not self._files.changed(pinned)

    def read(
        self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None, *, as_decoded: bool = False
    ) -> Iterator[pa.Table]:
        if pinned.spool:
            return self._copies.of(pinned).read(pinned, piece, columns, as_decoded=as_decoded)
        return self._files.read(pinned, piece, columns, self._fixed(pinned).get(piece.unit, {}), as_decoded=as_decoded)

    def scan(self, pinned: Pinned) -> AbstractContextManager[Any]:
        if pinned.spool:
            return self._copies.of(pinned).scan(pinned)
        return self._files.scan(pinned, self._fixed(pinned))

    def versions(self, pinned: Pinned) -> Iterator[Version]:
        for number in range(int(pinned.version), -1, -1):
            body = self._files.opened.find_bytes(_log(number))
            if body is None:
                return
            yield Version(str(number), _committed(body))
        yield START

    def commit(self, version: Version) -> Commit:
        actions = _actions(self._files.opened.read_bytes(_log(int(version.id))))
        added, removed = ([action[kind] for action in actions if kind in action] for kind in ("add", "remove"))
        return Commit(
            frozenset(unquote(one["path"]) for one in added),
            frozenset(unquote(one["path"]) for one in removed),
            compacts=not any(one["dataChange"] for one in [*added, *removed]),
            marks=any(one.get("deletionVector") for one in added),
        )

    def of_files(self, pinned: Pinned, names: Mapping[str, Version]) -> Pinned:
        """Files that are no longer the table's have their partition values from the version that added them."""
        entries = entries_of(self._files, names, dataset=self._dataset)
        older = {version.id for name, version in names.items() if name not in pinned.units}
        version = ",".join([pinned.version, *sorted(older, key=int)])
        return self._files.pinned(entries, pinned.schema, version=version)

    def _table(self, version: int | None = None) -> deltalake.DeltaTable:
        import deltalake
        from deltalake.exceptions import DeltaError, TableNotFoundError

        where = f"dataset {self._dataset}: {self._address}"
        try:
            return deltalake.DeltaTable(self._address, version, storage_options=delta_options(self._access))
        except TableNotFoundError as error:
            raise FatalError(
                f"{where} is not a Delta table: {error}", next_step="check the dataset's `path`"
            ) from error
        except (DeltaError, OSError) as error:
            raise outage(str(error), where) or _unreadable(where, error) from error

    def _rows(self, table: deltalake.DeltaTable) -> Iterator[pa.Table]:
        import pyarrow as pa

        schema = _schema(table)
        yield schema.empty_table()
        for batch in pa.RecordBatchReader.from_stream(table.scan()):
            yield pa.Table.from_batches([batch]).cast(schema)

    def _fixed(self, pinned: Pinned) -> dict[str, Fixed]:
        """Each file's partition values: from the pinned versions of the log, once."""
        with self._lock:
            if pinned.version not in self._partitions:
                fixed: dict[str, Fixed] = {}
                for version in pinned.version.split(","):
                    fixed |= _partitions(self._table(int(version)), pinned.schema)
                self._partitions[pinned.version] = fixed
            return self._partitions[pinned.version]


def _unreadable(where: str, error: Exception) -> FatalError | RetriableError:
    text = str(error)
    if any(sign in text for sign in ("error sending request", "timed out", "Connection refused", "status 5")):
        return RetriableError(f"{where} is out of reach: {text}")
    return FatalError(f"{where} cannot be read: {text}", next_step="check the table's log and the connection's rights")


def _log(version: int) -> str:
    return f"_delta_log/{version:020d}.json"


def _actions(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines() if line.strip()]


def _committed(body: bytes) -> datetime:
    """When a version was written, as its writer says."""
    info: dict[str, int] = next((action["commitInfo"] for action in _actions(body) if "commitInfo" in action), {})
    stamp = info.get("inCommitTimestamp", info.get("timestamp", 0))
    return datetime.fromtimestamp(stamp / 1000, UTC)


def _schema(table: deltalake.DeltaTable) -> pa.Schema:
    import pyarrow as pa

    found = pa.schema(table.schema().to_arrow())
    return pa.schema([pa.field(f.name, plain(f.type), f.nullable) for f in found])


def _paths(table: deltalake.DeltaTable) -> list[str]:
    import pyarrow as pa

    actions = pa.table(table.get_add_actions())
    return [unquote(path) for path in actions["path"].to_pylist()]


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
