"""A set of Parquet files as one dataset. The files may be listed from a folder, a table's log, or a copy in staging."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from sluice.errors import FatalError
from sluice.filesystem import File, Opened
from sluice.foreign import said
from sluice.memory import cores
from sluice.model.layout import same_values
from sluice.sources.base import Pinned, Slice, SourceConfig, encode_schema, known_columns
from sluice.sources.claims import EXPANSION
from sluice.sources.fingerprint import Fingerprint
from sluice.sources.identity import Columns, check, each_once
from sluice.sources.parquet_files import ParquetFiles
from sluice.sources.scanning import dataset_of
from sluice.sources.unreadable import why_unreadable

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_ROWS, _BYTES = 122_880, 8 * 2**20
"""Limits of a slice: neighbouring row groups are joined up to this many rows and bytes."""
_AT_ONCE = 8
"""Files of a remote store that are checked in parallel: most of the time is waiting. Local files are checked by a
thread for each core, because more would only wait for each other."""

Fixed = Mapping[str, "pa.Scalar"]
"""Values that are the same for all rows of a file, from its path or from a table's log instead of the file itself."""


class Entry(NamedTuple):
    """What one file contributes to a pinned dataset."""

    file: File
    fingerprint: str
    schema: pa.Schema
    slices: tuple[Slice, ...]
    numbers: Mapping[int, str] = {}
    """Column names by field id, for the columns that have one."""


class ParquetConfig(SourceConfig):
    """Settings of the sources whose rows are in Parquet files."""

    fingerprint: Fingerprint = "footer"
    """How a run detects that a file was changed after it was pinned. `footer` compares its size, modification time and
    a digest of its footer. `content` also compares a SHA-256 of its bytes, which reads each file one more time before
    it is pinned and one more time before its rows are read."""

    expansion: int = Field(default=EXPANSION, ge=100)
    """The largest allowed ratio of a file's decompressed size to its size on disk. A file that exceeds it stops the
    run."""

    def file_set(self, opened: Opened, *, dataset: str) -> FileSet:
        """The files below an opened folder, under these settings."""
        return FileSet(opened, dataset=dataset, by=self.fingerprint, expansion=self.expansion)


class FileSet:
    """Parquet files below one folder. Safe to read from many threads."""

    def __init__(self, opened: Opened, *, dataset: str, by: Fingerprint = "footer", expansion: int = EXPANSION) -> None:
        self.opened = opened
        self._dataset = dataset
        self._files = ParquetFiles(opened, dataset=dataset, by=by, expansion=expansion)
        self._at_once = min(_AT_ONCE, cores()) if opened.local else _AT_ONCE

    def entries(self, names: Iterable[str]) -> list[Entry]:
        """Read the footers of these files. Keeps their order."""
        with ThreadPoolExecutor(self._at_once, "footers") as threads:
            return list(threads.map(self._entry, names))

    def pinned(self, entries: Sequence[Entry], schema: pa.Schema, version: str = "") -> Pinned:
        """Pin these files under this schema. `version` defaults to a digest of their fingerprints. Raises `FatalError`
        if a file holds a column of the schema under another name; to detect this, the schema's fields may carry a field
        id and a physical name as metadata (see `identity`)."""
        columns = (Columns(one.file.name, dict.fromkeys(one.schema.names), one.numbers) for one in entries)
        check(schema, columns, dataset=self._dataset)
        units = {entry.file.name: entry.fingerprint for entry in entries}
        return Pinned(
            version=version or hashlib.sha256(repr(units).encode()).hexdigest()[:16],
            schema_ipc=encode_schema(_without_metadata(schema)),
            units=units,
            slices=tuple(piece for entry in entries for piece in entry.slices),
        )

    def read(
        self,
        pinned: Pinned,
        piece: Slice,
        columns: Sequence[str] | None,
        fixed: Fixed,
        rows: pa.Array | None = None,
        *,
        as_decoded: bool = False,
    ) -> Iterator[pa.Table]:
        """The rows of a slice in order, or those with the numbers `rows`, in the types of the pinned schema.
        `as_decoded` keeps the decoder's layouts."""
        schema = known_columns(pinned.schema, columns, dataset=self._dataset)
        stored = [name for name in schema.names if name not in fixed]
        groups = range(piece.index, piece.index + piece.count)
        for table in self._files.read(piece.unit, pinned.units[piece.unit], groups, stored, rows):
            shape = _as_decoded(schema, table) if as_decoded else schema
            yield self._shaped(table, shape, fixed, piece.unit)

    def cost(self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None) -> int:
        """Bytes of memory that reading a slice needs."""
        file = self._files.expect(piece.unit, pinned.units[piece.unit])
        return self._files.cost(file, range(piece.index, piece.index + piece.count), columns)

    @contextmanager
    def scan(self, pinned: Pinned, fixed: Mapping[str, Fixed]) -> Iterator[Any]:
        """The rows as a `pyarrow` dataset, which skips columns, row groups and partitions that a query does not
        need."""
        yield dataset_of(self.opened, pinned, fixed)
        # Unlike `read`, the engine opens the files on its own. So compare them afterwards.
        if changed := self.changed(pinned):
            raise FatalError(
                f"dataset {self._dataset}: {changed[0]} was overwritten or removed while it was read",
                next_step="clear the run from `extract` on, so that it reads the current files",
            )

    def changed(self, pinned: Pinned) -> list[str]:
        """The pinned files that are missing or were overwritten, judged by size and time, and by their bytes if the
        fingerprint includes the content."""
        with ThreadPoolExecutor(self._at_once, "unchanged") as threads:
            same = threads.map(self._is_unchanged, pinned.units, pinned.units.values())
            return [name for name, unchanged in zip(pinned.units, same, strict=True) if not unchanged]

    def _is_unchanged(self, name: str, pin: str) -> bool:
        file = self.opened.stat(name)
        return file is not None and pin.startswith(f"{file.fingerprint}, ") and self._files.has_content(name, pin)

    def field_numbers(self, name: str) -> dict[int, str]:
        """Column names by field id, including nested columns. Iceberg identifies columns by field id."""
        return self._files.footer(self._files.expect(name)).numbers

    def _entry(self, name: str) -> Entry:
        # One `stat` for each file, as before every read: a listing may round the modification time differently.
        file = self._files.expect(name)
        footer = self._files.footer(file)
        slices = tuple(_slices(file.name, footer.metadata))
        each_once(name, footer.schema.names, dataset=self._dataset)
        names = {*footer.schema.names}
        numbers = {number: name for number, name in footer.numbers.items() if name in names}
        return Entry(file, self._files.fingerprint(file), footer.schema, slices, numbers)

    def _shaped(self, table: pa.Table, schema: pa.Schema, fixed: Fixed, unit: str) -> pa.Table:
        import pyarrow as pa

        columns, own = [], dict(zip(table.column_names, table.columns, strict=True))
        for field in schema:
            if field.name in fixed:
                columns.append(pa.repeat(fixed[field.name], table.num_rows))
            elif field.name in own:
                columns.append(self._widened(own[field.name], field, unit))
            else:  # the file lacks the column by every identity: `pinned` has checked that
                columns.append(pa.nulls(table.num_rows, field.type))
        return pa.Table.from_arrays(columns, schema=schema) if columns else table

    def _widened(self, column: pa.ChunkedArray, field: pa.Field, unit: str) -> pa.ChunkedArray:
        if column.type.equals(field.type):
            return column
        try:
            return column.cast(field.type)
        except ValueError as error:
            raise FatalError(
                f"dataset {self._dataset}: column {field.name!r} of {unit} does not fit {field.type}: {said(error)}"
            ) from error


def _slices(name: str, metadata: pq.FileMetaData) -> Iterator[Slice]:
    """The file's row groups, with small neighbours joined. Deterministic: a retry cuts the file the same way."""
    waiting: Slice | None = None
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        rows, size = group.num_rows, group.total_byte_size
        if waiting and (waiting.records + rows > _ROWS or waiting.bytes + size > _BYTES):
            yield waiting
            waiting = None
        if waiting:
            count = index + 1 - waiting.index
            waiting = Slice(
                unit=name, index=waiting.index, records=waiting.records + rows, bytes=waiting.bytes + size, count=count
            )
        elif rows:
            waiting = Slice(unit=name, index=index, records=rows, bytes=size)
    if waiting:
        yield waiting


def _without_metadata(schema: pa.Schema) -> pa.Schema:
    """The schema without the metadata that identifies columns. The reason why a column is unreadable stays."""
    import pyarrow as pa

    return pa.schema([field if why_unreadable(field) else field.remove_metadata() for field in schema])


def _as_decoded(schema: pa.Schema, table: pa.Table) -> pa.Schema:
    """The schema with the layouts of the table's columns, where these hold the same values."""
    import pyarrow as pa

    decoded = {field.name: field.type for field in table.schema}
    kinds = [(field, decoded.get(field.name, field.type)) for field in schema]
    return pa.schema([field.with_type(kind) if same_values(kind, field.type) else field for field, kind in kinds])
