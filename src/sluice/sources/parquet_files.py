"""Parquet files, row group by row group, for every source whose rows end up in them."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from sluice.errors import FatalError, SluiceError
from sluice.filesystem import File, Opened
from sluice.filesystem.failures import from_system, translated
from sluice.foreign import said
from sluice.memory import budget
from sluice.sources.claims import EXPANSION, expanded, mistaken
from sluice.sources.fingerprint import Fingerprint, content_of, with_content, without_content
from sluice.sources.local_groups import is_fast
from sluice.sources.row_groups import RowGroups, dictionaries, extent_of
from sluice.sources.unreadable import PARSED, stored_fields, unfit_column

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_TAIL = 64 * 1024
"""Bytes read from a file's end at once: most footers fit."""
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
    types: list[pa.DataType]
    """Of the columns, as Arrow reads them."""
    digest: str
    starts: list[int]
    """The rows before each row group."""
    numbers: dict[int, str]
    """Each column's number, where its writer gave it one, and its name, with the names that it is nested in."""

    def fingerprint(self, file: File) -> str:
        """The file as it was when the footer was read. It tells most files apart that have the same size and time: a
        footer holds every column's places, and its statistics where the writer gave some. It does not tell bytes that
        neither shows: see `sluice.sources.fingerprint`."""
        return f"{file.fingerprint}, footer {self.digest}"


class ParquetFiles:
    """The Parquet files below a folder. Safe to read from many threads: each opens its own."""

    def __init__(self, opened: Opened, *, dataset: str, by: Fingerprint = "footer", expansion: int = EXPANSION) -> None:
        self._opened = opened
        self._dataset = dataset
        self._by = by
        self._expansion = expansion
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
            footer = self._checked(file, self._parse(file, _footer_bytes(stream, file.size)), stream)
        with self._lock:
            self._footers[key] = footer
            while len(self._footers) > _FOOTERS:
                self._footers.popitem(last=False)
        return footer

    def read(self, name: str, fingerprint: str, groups: range, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """Some row groups in the file's own types, as tables of bounded size; columns that the file does not have
        are left out, and no others. Holds what they take of the process's memory until the last is taken. Raises
        `FatalError` where the file is not the one pinned by `fingerprint`, or is corrupt."""
        opened, memory = self._thread_file(name, fingerprint), budget()
        wanted = opened.present(columns)
        extent = extent_of(opened.file.metadata, groups, wanted)
        with memory.rows.held(extent.cost(memory)):
            try:
                for table, held in opened.tables(groups, wanted, extent, memory):
                    self._limited(name, held, opened.size)
                    yield table
            except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
                self.expect(name, fingerprint)
                raise self._unreadable(name, error, opened.broken(groups, wanted)) from error
            self.expect(name, fingerprint)

    def cost(self, file: File, groups: range, columns: Sequence[str] | None) -> int:
        """Bytes of memory that reading takes, and what is made of the rows on their way."""
        footer = self.footer(file)
        names = frozenset(footer.schema.names)
        wanted = None if columns is None else [name for name in columns if name in names]
        return extent_of(footer.metadata, groups, wanted).cost(budget())

    def _thread_file(self, name: str, fingerprint: str) -> RowGroups:
        files: OrderedDict[tuple[str, str, int], RowGroups]
        files = self._threads.__dict__.setdefault("files", OrderedDict())
        key = (name, fingerprint, self._opened.generation)
        if key not in files:
            files[key] = self._open(name, fingerprint)
        files.move_to_end(key)
        while len(files) > _OPEN_FILES:
            files.popitem(last=False)[1].close()
        return files[key]

    def _open(self, name: str, fingerprint: str) -> RowGroups:
        import pyarrow.parquet as pq

        there = self.expect(name, fingerprint)
        footer = self.footer(there)
        if content_of(fingerprint):
            self._verify(name, fingerprint)
        metadata, local = footer.metadata, self._opened.local
        groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
        small = max((group.total_byte_size for group in groups), default=0) <= budget().whole
        file = pq.ParquetFile(
            self._opened.open_input(name),
            metadata=metadata,
            page_checksum_verification=True,
            pre_buffer=not local and small,
            buffer_size=0 if small else _read_ahead(metadata.num_columns, local=local),
            read_dictionary=dictionaries(metadata),
            **_OPTIONS,
        )
        path = self._opened.at(name)
        fast = path if local and is_fast(metadata, footer.types, path) else None
        return RowGroups(file, there.size, fast, footer.starts)

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
        groups = (small.metadata.row_group(number) for number in range(small.metadata.num_row_groups))
        starts = list(accumulate((group.num_rows for group in groups), initial=0))
        numbers = dict(_numbers(list(small.schema_arrow)))
        return Footer(small.metadata, pa.schema(fields), small.schema_arrow.types, digest, starts, numbers)

    def _checked(self, file: File, footer: Footer, stream: pa.NativeFile) -> Footer:
        """The footer, if the file bears out what it claims."""
        if wrong := mistaken(footer.metadata, file.size, stream):
            raise self._corrupt(file.name, f"its footer cannot be true: {wrong}")
        self._limited(file.name, expanded(footer.metadata), file.size)
        return footer

    def _limited(self, name: str, held: int, size: int) -> None:
        if held > self._expansion * size:
            raise FatalError(
                f"dataset {self._dataset}: {name} of {size:,} bytes holds {held:,} bytes or more, and `expansion` "
                f"allows {self._expansion:,} times its size",
                next_step="declare a larger `expansion` under the dataset's `source` if the file is to be trusted",
            )

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
        return self._corrupt(name, f"{where} cannot be read: {said(error)}")

    def _corrupt(self, name: str, why: str) -> FatalError:
        return FatalError(
            f"dataset {self._dataset}: {name} is corrupt: {why}",
            next_step="write the file again from its origin, then clear the run from `extract` on",
        )


def _read_ahead(columns: int, *, local: bool) -> int:
    """Bytes of each column that a stream reads at once: a request to a store is worth more than one to a disk, and many
    columns have together what a few would."""
    return min(64 * 1024 if local else _PIECE, max(4 * 1024, budget().whole // columns))


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
