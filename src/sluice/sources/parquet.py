"""Parquet files on any filesystem that an Airflow connection reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sluice.errors import FatalError
from sluice.filesystem import File, Opened, join, open_filesystem
from sluice.model.access import Connections
from sluice.sources.base import AddedBy, Columns, Pinned, Placed, Slice
from sluice.sources.file_set import Entry, FileSet, ParquetConfig
from sluice.sources.partitions import PartitionType, partition_fields, partition_values
from sluice.sources.position import GrowsByFiles
from sluice.sources.widening import Clash, unify, wider

if TYPE_CHECKING:
    import pyarrow as pa

_LOOKED = 256
"""Number of footers that `columns` reads: enough for a preview of a dataset's columns."""


class Parquet(ParquetConfig):
    """One Parquet file, or all `*.parquet` files below a folder, read in path order."""

    added_by: ClassVar[AddedBy | None] = "files"

    type: Literal["parquet"] = "parquet"
    path: str
    """The file or folder, relative to the connection's folder, with `/` as separator. On S3, GCS and Azure, the path
    starts with the bucket or container. Files and folders whose names start with `_` or `.` are skipped."""
    partitions: Mapping[str, PartitionType] = {}
    """Types of the partition columns, which come from folders named `key=value`. Default: integer or date if every
    value is one, else text."""

    def open(self, connections: Connections, *, dataset: str) -> ParquetSource:
        folder, _, last = join("", self.path).rpartition("/")
        opened = open_filesystem(connections, self.airflow_conn_id, folder, read_only=True)
        files = self.file_set(opened, dataset=dataset)
        return ParquetSource(opened, last, self.partitions, dataset=dataset, files=files)


class ParquetSource(GrowsByFiles):
    """An opened dataset of Parquet files. Safe to read from many threads."""

    def __init__(
        self,
        opened: Opened,
        path: str,
        partitions: Mapping[str, PartitionType],
        *,
        dataset: str,
        files: FileSet | None = None,
    ) -> None:
        self._opened = opened
        self._path = path
        self._declared = partitions
        self._dataset = dataset
        self._files = files or FileSet(opened, dataset=dataset)

    def pin(self, spool: Opened | None = None) -> Pinned:  # noqa: ARG002 - nothing is copied
        """Pin the current files, each with its fingerprint."""
        names = [file.name for file in self._list()]
        entries = self._files.entries(names)
        return self._files.pinned(entries, self._schema(names, entries))

    def columns(self) -> Columns:
        """The columns in all footers. Of more than 256 files, only 256 evenly spread ones are read."""
        names = [file.name for file in self._list()]
        some = _spread(names, _LOOKED)
        return Columns(self._schema(names, self._files.entries(some)), whole=len(some) == len(names))

    def intact(self, pinned: Pinned) -> bool:
        return not self._files.changed(pinned)

    def read(
        self,
        pinned: Pinned,
        piece: Slice,
        columns: Sequence[str] | None,
        rows: pa.Array | None = None,
        *,
        as_decoded: bool = False,
    ) -> Iterator[pa.Table]:
        fixed = self._fixed(piece.unit, pinned.schema)
        return self._files.read(pinned, piece, columns, fixed, rows, as_decoded=as_decoded)

    def cost(self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None) -> int:
        return self._files.cost(pinned, piece, columns)

    def scan(self, pinned: Pinned) -> AbstractContextManager[Any]:
        schema = pinned.schema
        return self._files.scan(pinned, {unit: self._fixed(unit, schema) for unit in pinned.units})

    def placed(self, pinned: Pinned) -> Placed:
        schema = pinned.schema
        return Placed(self._opened, self._path, {unit: self._fixed(unit, schema) for unit in pinned.units})

    def _below(self, name: str) -> str:
        """A file's path relative to the dataset's folder."""
        return name.removeprefix(self._path).strip("/")

    def _fixed(self, name: str, schema: pa.Schema) -> dict[str, pa.Scalar]:
        return partition_values(self._below(name), schema, dataset=self._dataset)

    def _list(self) -> list[File]:
        single = self._opened.stat(self._path) if self._path else None
        if single is not None:
            return [single]
        files = self._opened.list(self._path, self._left_out)
        if not files:
            there = self._opened.is_folder(self._path)
            missing = "no Parquet file in" if there else "no file or folder at"
            raise FatalError(
                f"dataset {self._dataset}: {missing} {self._opened.at(self._path)}",
                next_step=f"check the dataset's `path` and the Airflow connection {self._opened.conn_id}",
            )
        return files

    def _left_out(self, name: str) -> bool:
        return _hidden(self._below(name)) or not name.endswith((".parquet", "/"))

    def _schema(self, names: Sequence[str], entries: Sequence[Entry]) -> pa.Schema:
        """The columns of all files and of their partition folders. Raises `FatalError` if files or folders
        disagree."""
        partitions = partition_fields([self._below(name) for name in names], self._declared, dataset=self._dataset)
        schema = _with_partitions(self._unified(entries), partitions)
        for name in names:
            self._fixed(name, schema)
        return schema

    def _unified(self, entries: Sequence[Entry]) -> pa.Schema:
        schema = entries[0].schema
        for entry in entries[1:]:
            if entry.schema.equals(schema, check_metadata=True):
                continue
            schema, clash = unify(schema, entry.schema)
            if clash:
                raise self._clash(clash, entry, entries)
        return _named(schema)

    def _clash(self, clash: Clash, entry: Entry, entries: Sequence[Entry]) -> FatalError:
        column, spelled = clash
        if column != spelled:
            other = next(e for e in entries if column in e.schema.names and spelled not in e.schema.names)
            return FatalError(
                f"dataset {self._dataset}: column {column!r} of {other.file.name} is {spelled!r} in {entry.file.name}: "
                "read as two columns, each would be null in half of the rows",
                next_step="rewrite the files so that all of them use one spelling",
            )
        mine = entry.schema.field(column).type
        having = [e for e in entries if column in e.schema.names]
        other = next((e for e in having if wider(e.schema.field(column).type, mine) is None), having[0])
        return FatalError(
            f"dataset {self._dataset}: column {column!r} is {other.schema.field(column).type} in {other.file.name} "
            f"and {mine} in {entry.file.name}: no type holds both without loss",
            next_step="rewrite one of the files with the other's type",
        )


def _spread(names: Sequence[str], most: int) -> list[str]:
    """At most this many names, evenly spread, including the first and the last."""
    if len(names) <= most:
        return list(names)
    return [names[index * (len(names) - 1) // (most - 1)] for index in range(most)]


def _hidden(name: str) -> bool:
    """Whether to skip a file. Names that start with `_` or `.` are logs, markers or unfinished files, except partition
    folders such as `_day=1`."""
    return any(level[:1] in "._" and "=" not in level for level in name.split("/"))


def _named(schema: pa.Schema) -> pa.Schema:
    """A column without a value in any file has no type: make it text."""
    import pyarrow as pa

    return pa.schema([f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in schema])


def _with_partitions(schema: pa.Schema, fields: Sequence[pa.Field]) -> pa.Schema:
    """Add the partition columns. If a file also holds such a column, the folder's value wins."""
    import pyarrow as pa

    names = {f.name for f in fields}
    return pa.schema([f for f in schema if f.name not in names] + list(fields))
