"""Parquet files on any filesystem that Airflow has a connection for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sluice.errors import FatalError
from sluice.filesystem import File, Opened, join, open_filesystem
from sluice.model.access import Connections
from sluice.sources.base import Pinned, Slice, SourceConfig, encode_schema, known_columns
from sluice.sources.parquet_files import ParquetFiles
from sluice.sources.partitions import PartitionType, partition_fields, partition_values
from sluice.sources.scanning import dataset_of
from sluice.sources.widening import unify

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 8
"""Files that are asked about at once: for a remote store most of the time is waiting."""


class Parquet(SourceConfig):
    """One Parquet file, or every `*.parquet` file below a folder, read in the order of their paths."""

    type: Literal["parquet"] = "parquet"
    path: str
    """The file or folder, with `/` between levels: below the connection's own folder; on S3, GCS and Azure the first
    level is the bucket or container. Names that start with `_` or `.` are left out."""
    partitions: Mapping[str, PartitionType] = {}
    """Types of the columns that folders named `key=value` make. Those not named here are integers or dates where
    every value is one, else text."""

    def open(self, connections: Connections, *, dataset: str) -> ParquetSource:
        folder, _, last = join("", self.path).rpartition("/")
        opened = open_filesystem(connections, self.airflow_conn_id, folder, read_only=True)
        return ParquetSource(opened, last, self.partitions, dataset=dataset)


class _Entry(NamedTuple):
    """What one file adds to what is pinned."""

    file: File
    fingerprint: str
    schema: pa.Schema
    slices: tuple[Slice, ...]


class ParquetSource:
    """An opened dataset of Parquet files. Safe to read from many threads."""

    def __init__(self, opened: Opened, path: str, partitions: Mapping[str, PartitionType], *, dataset: str) -> None:
        self._opened = opened
        self._path = path
        self._declared = partitions
        self._dataset = dataset
        self._files = ParquetFiles(opened, dataset=dataset)

    def pin(self, spool: Opened | None = None) -> Pinned:  # noqa: ARG002 - nothing is copied
        """The files that are there now, each with its size, time and footer digest; nothing is copied."""
        files = self._list()
        partitions = partition_fields([self._below(f.name) for f in files], self._declared, dataset=self._dataset)
        with ThreadPoolExecutor(_AT_ONCE, "footers") as threads:
            entries = list(threads.map(self._entry, [f.name for f in files]))
        schema = _with_partitions(self._unified(entries), partitions)
        for file in files:
            self._fixed(file.name, schema)
        units = {e.file.name: e.fingerprint for e in entries}
        return Pinned(
            version=hashlib.sha256(repr(units).encode()).hexdigest()[:16],
            schema_ipc=encode_schema(schema),
            units=units,
            slices=tuple(piece for e in entries for piece in e.slices),
        )

    def intact(self, pinned: Pinned) -> bool:
        return not self._changed(pinned)

    def read(self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """The row group's rows in order, in the types of the pinned schema."""
        whole = pinned.schema
        schema = known_columns(whole, columns, dataset=self._dataset)
        fixed = self._fixed(piece.unit, whole)
        stored = [name for name in schema.names if name not in fixed]
        for table in self._files.read(piece.unit, pinned.units[piece.unit], piece.index, stored):
            yield self._shaped(table, schema, fixed, piece.unit)

    @contextmanager
    def scan(self, pinned: Pinned) -> Iterator[Any]:
        """A `pyarrow` dataset: columns, row groups and partitions that a query does not need are not read."""
        fixed = {unit: self._fixed(unit, pinned.schema) for unit in pinned.units}
        yield dataset_of(self._opened, pinned, fixed)
        if changed := self._changed(pinned):
            raise FatalError(
                f"dataset {self._dataset}: {changed[0]} was written again or removed while it was read",
                next_step="clear the run from `extract` on, so that it reads what is there now",
            )

    def _below(self, name: str) -> str:
        """A file's name below the dataset's own folder."""
        return name.removeprefix(self._path).strip("/")

    def _fixed(self, name: str, schema: pa.Schema) -> dict[str, pa.Scalar]:
        return partition_values(self._below(name), schema, dataset=self._dataset)

    def _list(self) -> list[File]:
        single = self._opened.stat(self._path) if self._path else None
        if single is not None:
            return [single]
        found = self._opened.list(self._path)
        files = [f for f in found if f.name.endswith(".parquet") and not _hidden(self._below(f.name))]
        if not files:
            missing = "there is no Parquet file in" if found else "there is nothing at"
            raise FatalError(
                f"dataset {self._dataset}: {missing} {self._opened.at(self._path)}",
                next_step=f"check the dataset's `path` and the Airflow connection {self._opened.conn_id}",
            )
        return files

    def _entry(self, name: str) -> _Entry:
        # Asked for by itself, as before every read: a listing may round its time in another way.
        file = self._files.expect(name)
        footer = self._files.footer(file)
        groups = [footer.metadata.row_group(i) for i in range(footer.metadata.num_row_groups)]
        slices = tuple(
            Slice(unit=file.name, index=i, records=group.num_rows, bytes=group.total_byte_size)
            for i, group in enumerate(groups)
            if group.num_rows
        )
        return _Entry(file, footer.fingerprint(file), footer.schema, slices)

    def _unified(self, entries: Sequence[_Entry]) -> pa.Schema:
        schema = entries[0].schema
        for entry in entries[1:]:
            if entry.schema.equals(schema):
                continue
            schema, clash = unify(schema, entry.schema)
            if clash:
                raise self._clash(clash, entry, entries)
        return _named(schema)

    def _clash(self, column: str, entry: _Entry, entries: Sequence[_Entry]) -> FatalError:
        mine = entry.schema.field(column).type
        other = next(e for e in entries if column in e.schema.names and unify(e.schema, entry.schema)[1] == column)
        return FatalError(
            f"dataset {self._dataset}: column {column!r} is {other.schema.field(column).type} in {other.file.name} "
            f"and {mine} in {entry.file.name}: no type holds both without loss",
            next_step="write one of the files again with the other's type",
        )

    def _shaped(self, table: pa.Table, schema: pa.Schema, fixed: Mapping[str, Any], unit: str) -> pa.Table:
        import pyarrow as pa

        columns = []
        for field in schema:
            if field.name in fixed:
                columns.append(pa.repeat(fixed[field.name], table.num_rows))
            elif field.name in table.column_names:
                columns.append(self._widened(table[field.name], field, unit))
            else:
                columns.append(pa.nulls(table.num_rows, field.type))
        return pa.Table.from_arrays(columns, schema=schema) if columns else table

    def _widened(self, column: pa.ChunkedArray, field: pa.Field, unit: str) -> pa.ChunkedArray:
        if column.type.equals(field.type):
            return column
        try:
            return column.cast(field.type)
        except ValueError as error:
            raise FatalError(
                f"dataset {self._dataset}: column {field.name!r} of {unit} does not fit {field.type}: {error}"
            ) from error

    def _changed(self, pinned: Pinned) -> list[str]:
        """The pinned files that are gone or were written again, as far as their size and time tell."""
        with ThreadPoolExecutor(_AT_ONCE, "unchanged") as threads:
            now = {file.name: file.fingerprint for file in threads.map(self._opened.stat, pinned.units) if file}
        return [name for name, fingerprint in pinned.units.items() if not fingerprint.startswith(now.get(name, "?"))]


def _hidden(name: str) -> bool:
    """Writers keep logs, markers and unfinished files under such names; `_day=1` is a partition all the same."""
    return any(level[:1] in "._" and "=" not in level for level in name.split("/"))


def _named(schema: pa.Schema) -> pa.Schema:
    """A column without any value in any file has no type of its own: it is text."""
    import pyarrow as pa

    return pa.schema([f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in schema])


def _with_partitions(schema: pa.Schema, fields: Sequence[pa.Field]) -> pa.Schema:
    """Folders say what their files' rows have: where a file holds the column too, the folder's value stands."""
    import pyarrow as pa

    names = {f.name for f in fields}
    return pa.schema([f for f in schema if f.name not in names] + list(fields))
