"""Parquet files, row group by row group, for every source whose rows end up in them."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sluice.errors import FatalError, SluiceError
from sluice.filesystem import File, Opened
from sluice.filesystem.failures import from_system, translated
from sluice.foreign import said
from sluice.sources.fingerprint import Fingerprint, content_of, with_content, without_content
from sluice.sources.local_groups import is_fast, read_group
from sluice.sources.unreadable import PARSED, stored_fields, unfit_column

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_TAIL = 64 * 1024
"""Bytes read from a file's end at once: most footers fit."""
_ROWS, _BYTES = 150_000, 256 * 2**20
"""A row group within both is read as one table, the fastest way; a larger one as a stream of smaller tables."""
_STREAMED_BYTES = 32 * 2**20
_PIECE = 2**20
_OPEN_FILES = 4
"""Files that one thread keeps open: it reads them one after the other."""
_FOOTERS = 64
"""Parsed footers that one source keeps, for all threads."""
# INT96 reaches beyond the years that nanoseconds hold; a UUID without its extension type is any 16 bytes.
_OPTIONS: dict[str, Any] = {
    "coerce_int96_timestamp_unit": "us",
    "arrow_extensions_enabled": True,
    "schema_depth_limit": PARSED,
}


class Footer(NamedTuple):
    """What the end of a file says. Shared between threads."""

    metadata: pq.FileMetaData
    schema: pa.Schema
    digest: str
    numbers: dict[int, str]
    """Each column's number, where its writer gave it one, and its name, with the names that it is nested in."""

    def fingerprint(self, file: File) -> str:
        """The file as it was when the footer was read. It tells most files apart that have the same size and time: a
        footer holds every column's places, and its statistics where the writer gave some. It does not tell bytes that
        neither shows: see `sluice.sources.fingerprint`."""
        return f"{file.fingerprint}, footer {self.digest}"


class ParquetFiles:
    """The Parquet files below a folder. Safe to read from many threads: each opens its own."""

    def __init__(self, opened: Opened, *, dataset: str, by: Fingerprint = "footer") -> None:
        self._opened = opened
        self._dataset = dataset
        self._by = by
        self._verified: set[tuple[str, str]] = set()
        """Files whose content was compared: once for all threads, before any of it is read."""
        self._comparing: dict[tuple[str, str], threading.Lock] = {}
        self._threads = threading.local()
        self._footers: OrderedDict[tuple[str, str], Footer] = OrderedDict()
        self._lock = threading.Lock()

    def expect(self, name: str, fingerprint: str | None = None) -> File:
        """The file, if it is there and still the one that was pinned."""
        file = self._opened.stat(name)
        if file is None:
            raise self._changed(name, "is no longer there")
        if fingerprint is not None and without_content(fingerprint) != self.footer(file).fingerprint(file):
            raise self._changed(name, "was written again since the run pinned it")
        return file

    def fingerprint(self, file: File) -> str:
        """What tells the file as it is now, with its content where the dataset wants that."""
        own = self.footer(file).fingerprint(file)
        if self._by == "footer":
            return own
        whole = with_content(own, self._digest(file.name))
        self.expect(file.name, own)  # nobody wrote it while it was read
        return whole

    def has_content(self, name: str, fingerprint: str) -> bool:
        """Whether the file's bytes are those that were pinned, if those were looked at. Reads all of it."""
        content = content_of(fingerprint)
        return not content or content == self._digest(name)

    def footer(self, file: File) -> Footer:
        """The parsed footer. Raises `FatalError` where the file is no Parquet file or its footer is corrupt."""
        key = (file.name, file.fingerprint)
        with self._lock:
            if found := self._footers.get(key):
                return found
        with self._opened.reporting(f"reading the footer of {file.name}"), self._opened.open_input(file.name) as stream:
            footer = self._parse(file, _footer_bytes(stream, file.size))
        with self._lock:
            self._footers[key] = footer
            while len(self._footers) > _FOOTERS:
                self._footers.popitem(last=False)
        return footer

    def read(self, name: str, fingerprint: str, index: int, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """Row group `index` in the file's own types, as tables of bounded size; columns that the file does not have
        are left out, and no others. Raises `FatalError` where the file is not the one pinned by `fingerprint`, or is
        corrupt."""
        opened = self._thread_file(name, fingerprint)
        group = opened.metadata.row_group(index)
        names = opened.schema_arrow.names
        wanted = [c for c in columns if c in names] if columns is not None else None
        try:
            if group.num_rows <= _ROWS and group.total_byte_size <= _BYTES:
                yield self._whole(name, opened, index, wanted)
            else:
                yield from self._stream(opened, index, wanted)
        except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
            self.expect(name, fingerprint)
            raise self._unreadable(name, error, index) from error
        self.expect(name, fingerprint)

    def _whole(self, name: str, opened: pq.ParquetFile, index: int, columns: Sequence[str] | None) -> pa.Table:
        path = self._opened.at(name)
        if columns != [] and self._opened.local and is_fast(opened, path):
            sizes = [opened.metadata.row_group(i).num_rows for i in range(index + 1)]
            fast = read_group(path, sum(sizes[:-1]), sizes[-1], columns)
            if fast is not None:
                return _whole_rows(fast, columns)
        return _whole_rows(_sound(opened.read_row_group(index, columns=columns, use_threads=False)), columns)

    def _stream(self, opened: pq.ParquetFile, index: int, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        import pyarrow as pa

        group = opened.metadata.row_group(index)
        rows = min(65_536, max(1_024, _STREAMED_BYTES * group.num_rows // max(group.total_byte_size, 1)))
        for batch in opened.iter_batches(rows, row_groups=[index], columns=columns, use_threads=False):
            yield _whole_rows(_sound(pa.Table.from_batches([batch])), columns)

    def _thread_file(self, name: str, fingerprint: str) -> pq.ParquetFile:
        files: OrderedDict[tuple[str, str, int], pq.ParquetFile]
        files = self._threads.__dict__.setdefault("files", OrderedDict())
        key = (name, fingerprint, self._opened.generation)
        if key not in files:
            files[key] = self._open(name, fingerprint)
        files.move_to_end(key)
        while len(files) > _OPEN_FILES:
            files.popitem(last=False)[1].close(force=True)
        return files[key]

    def _open(self, name: str, fingerprint: str) -> pq.ParquetFile:
        import pyarrow.parquet as pq

        footer = self.footer(self.expect(name, fingerprint))
        if content_of(fingerprint):
            self._verify(name, fingerprint)
        group_bytes = max(footer.metadata.row_group(i).total_byte_size for i in range(footer.metadata.num_row_groups))
        return pq.ParquetFile(
            self._opened.open_input(name),
            metadata=footer.metadata,
            page_checksum_verification=True,
            pre_buffer=not self._opened.local and group_bytes <= _BYTES,
            buffer_size=2**20 if group_bytes > _BYTES else 0,
            **_OPTIONS,
        )

    def _verify(self, name: str, fingerprint: str) -> None:
        """Once a process: a retry and a resend read in others."""
        key = (name, fingerprint)
        with self._lock:
            lock = self._comparing.setdefault(key, threading.Lock())
        with lock:
            if key not in self._verified and not self.has_content(name, fingerprint):
                raise self._changed(name, "has other bytes than those that the run pinned")
            self._verified.add(key)

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256(usedforsecurity=False)
        with self._opened.reporting(f"reading {name}"), self._opened.open_input(name) as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def _changed(self, name: str, now: str) -> FatalError:
        return FatalError(
            f"dataset {self._dataset}: {name} {now}",
            next_step="clear the run from `extract` on, so that it pins what is there now",
        )

    def _parse(self, file: File, footer: bytes) -> Footer:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if footer[-4:] != b"PAR1" or len(footer) < 12:
            encrypted = ", which is encrypted" if footer[-4:] == b"PARE" else ""
            raise FatalError(
                f"dataset {self._dataset}: {file.name} is not a Parquet file that can be read{encrypted}",
                next_step="remove it from the dataset's folder, or write it again",
            )
        try:
            small = pq.ParquetFile(pa.BufferReader(b"PAR1" + footer), **_OPTIONS)
            fields = stored_fields(small, file.name)
        except (OSError, ValueError, NotImplementedError) as error:
            raise self._unfit(file.name, footer) or self._unreadable(file.name, error) from error
        digest = hashlib.sha256(footer).hexdigest()[:16]
        return Footer(small.metadata, pa.schema(fields), digest, dict(_numbers(list(small.schema_arrow))))

    def _unfit(self, name: str, footer: bytes) -> FatalError | None:
        """What a footer holds that Arrow cannot take: the file is not corrupt."""
        found = unfit_column(footer)
        if found is None:
            return None
        column, why = found
        return FatalError(
            f"dataset {self._dataset}: column {column!r} of {name} {why}",
            next_step="write the file again without the column, or with a type that more readers know, such as text",
        )

    def _unreadable(self, name: str, error: Exception, index: int | None = None) -> SluiceError:
        where = "its footer" if index is None else f"row group {index}"
        if from_system(error) and (known := translated(error, self._opened.conn_id, f"reading {name}")):
            return known
        return FatalError(
            f"dataset {self._dataset}: {name} is corrupt: {where} cannot be read: {said(error)}",
            next_step="write the file again from its origin, then clear the run from `extract` on",
        )


def _footer_bytes(stream: pa.NativeFile, size: int) -> bytes:
    """The footer with its length and magic: the end of the file."""
    tail = bytes(stream.read_at(min(size, _TAIL), max(size - _TAIL, 0)))
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if length <= len(tail):
        return tail[-length:]
    return bytes(stream.read_at(length, size - length)) if length <= size and tail[-4:] == b"PAR1" else tail[-8:]


def _numbers(fields: Sequence[pa.Field], inside: str = "") -> Iterator[tuple[int, str]]:
    import pyarrow as pa

    for field in fields:
        name = inside + field.name
        if number := (field.metadata or {}).get(b"PARQUET:field_id"):
            yield int(number), name
        if pa.types.is_struct(field.type):
            yield from _numbers(list(field.type), f"{name}.")
        elif pa.types.is_list(field.type) or pa.types.is_large_list(field.type):
            yield from _numbers([field.type.value_field.with_name("element")], f"{name}.")
        elif pa.types.is_map(field.type):
            parts = [field.type.key_field.with_name("key"), field.type.item_field.with_name("value")]
            yield from _numbers(parts, f"{name}.")


class UnsoundError(ValueError):
    """The decoder gave something else than the column is. The text quotes no value."""


def _whole_rows(table: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    """The table, if the decoder gave every column that it was asked for: what is missing would be taken for null."""
    if missing := set(columns or ()).difference(table.column_names):
        raise UnsoundError(f"column {min(missing)!r} was not decoded")
    return table


def _sound(table: pa.Table) -> pa.Table:
    """The table, once its values are known to be what their types say: text is UTF-8, offsets lie within."""
    for column, name in zip(table.columns, table.column_names, strict=True):
        try:
            column.validate(full=True)
        except ValueError as error:
            raise UnsoundError(f"column {name!r}: {said(error)}") from error
    return table
