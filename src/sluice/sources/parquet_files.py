"""Reads Parquet files row group by row group, for all sources: in the end, all of them read Parquet."""

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
"""Bytes of the first read at a file's end: most footers fit, and one request is enough."""
_PIECE = 2**20
_OPEN_FILES = 4
"""Files that one thread keeps open. It reads them one after the other."""
_FOOTERS = 64
"""Parsed footers that one source caches for all threads."""
# INT96 holds years that nanoseconds cannot represent; without the extension type, a UUID would be any 16 bytes.
_OPTIONS: dict[str, Any] = {
    "coerce_int96_timestamp_unit": "us",
    "arrow_extensions_enabled": True,
    "schema_depth_limit": PARSED,
}


class Footer(NamedTuple):
    """A file's parsed footer. Shared between threads."""

    metadata: pq.FileMetaData
    schema: pa.Schema
    types: list[pa.DataType]
    """The columns' types as Arrow reads them."""
    digest: str
    starts: list[int]
    """For each row group, the number of rows before it."""
    numbers: dict[int, str]
    """Dotted column names by field id, for the columns that have one, including nested ones."""

    def fingerprint(self, file: File) -> str:
        """Identifies the file as it was when the footer was read. The footer also differs for most files of the same
        size and time, because it holds the offset of every column and usually its statistics. For changes that it
        misses, see `sluice.sources.fingerprint`."""
        return f"{file.fingerprint}, footer {self.digest}"


class ParquetFiles:
    """The Parquet files below a folder. Safe to read from many threads: each opens the files for itself."""

    def __init__(self, opened: Opened, *, dataset: str, by: Fingerprint = "footer", expansion: int = EXPANSION) -> None:
        self._opened = opened
        self._dataset = dataset
        self._by = by
        self._expansion = expansion
        self._verified: set[tuple[str, str]] = set()
        """Files whose content was compared. This happens once for all threads, before any row is read."""
        self._comparing: dict[tuple[str, str], threading.Lock] = {}
        self._threads = threading.local()
        self._footers: OrderedDict[tuple[str, str], Footer] = OrderedDict()
        self._lock = threading.Lock()

    def expect(self, name: str, fingerprint: str | None = None) -> File:
        """The file, which must exist and, if a fingerprint is given, be the pinned one. Raises `FatalError`."""
        file = self._opened.stat(name)
        if file is None:
            raise self._changed(name, "no longer exists")
        if fingerprint is not None and without_content(fingerprint) != self.footer(file).fingerprint(file):
            raise self._changed(name, "was overwritten since the run pinned it")
        return file

    def fingerprint(self, file: File) -> str:
        """The file's current fingerprint, including its content if the dataset declares that."""
        own = self.footer(file).fingerprint(file)
        if self._by == "footer":
            return own
        whole = with_content(own, self._digest(file.name))
        self.expect(file.name, own)  # the file must not have changed while its bytes were read
        return whole

    def has_content(self, name: str, fingerprint: str) -> bool:
        """Whether the file's bytes are the pinned ones. Always true for a fingerprint without content. Reads the whole
        file."""
        content = content_of(fingerprint)
        return not content or content == self._digest(name)

    def footer(self, file: File) -> Footer:
        """The parsed footer. Raises `FatalError` if the file is not a Parquet file or its footer is corrupt."""
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

    def read(
        self, name: str, fingerprint: str, groups: range, columns: Sequence[str] | None, rows: pa.Array | None = None
    ) -> Iterator[pa.Table]:
        """Some row groups in the file's own types, as tables of bounded size; `rows` selects some of the rows. Columns
        that the file does not have are left out. Holds a share of the process's memory budget until the last table is
        consumed. Raises `FatalError` if the file is not the one pinned by `fingerprint`, or is corrupt."""
        opened, memory = self._thread_file(name, fingerprint), budget()
        wanted = opened.present(columns)
        extent = extent_of(opened.file.metadata, groups, wanted)
        with memory.rows.held(extent.cost(memory)):
            try:
                for table, held in opened.tables(groups, wanted, extent, memory, rows):
                    self._limited(name, held, opened.size)
                    if table.num_rows:
                        yield table
            except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
                # An overwritten file also fails to decode. Check for that first: it is not corrupt.
                self.expect(name, fingerprint)
                raise self._unreadable(name, error, opened.broken(groups, wanted)) from error
            self.expect(name, fingerprint)

    def cost(self, file: File, groups: range, columns: Sequence[str] | None) -> int:
        """Bytes of memory for reading these row groups and for processing their rows."""
        footer = self.footer(file)
        names = frozenset(footer.schema.names)
        wanted = None if columns is None else [name for name in columns if name in names]
        return extent_of(footer.metadata, groups, wanted).cost(budget())

    def _thread_file(self, name: str, fingerprint: str) -> RowGroups:
        files: OrderedDict[tuple[str, str, int], RowGroups]
        files = self._threads.__dict__.setdefault("files", OrderedDict())
        # A new generation of the filesystem has new credentials: files opened with the old ones are not reused.
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
        # `pre_buffer` merges a remote row group's reads into few requests, but holds the whole group in memory.
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
        """Compare the content, once per process. A retry and a resend run in other processes and compare again."""
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
            next_step="clear the run from `extract` on, so that it pins the current files",
        )

    def _parse(self, file: File, footer: bytes) -> Footer:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if footer[-4:] != b"PAR1" or len(footer) < 12:
            encrypted = ": its footer is encrypted" if footer[-4:] == b"PARE" else ""
            raise FatalError(
                f"dataset {self._dataset}: {file.name} is not a readable Parquet file{encrypted}",
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
        """The footer, if its claims hold for the file. Raises `FatalError`."""
        if wrong := mistaken(footer.metadata, file.size, stream):
            raise self._corrupt(file.name, f"its footer cannot be true: {wrong}")
        self._limited(file.name, expanded(footer.metadata), file.size)
        return footer

    def _limited(self, name: str, held: int, size: int) -> None:
        if held > self._expansion * size:
            raise FatalError(
                f"dataset {self._dataset}: {name} of {size:,} bytes decompresses to {held:,} bytes or more, but "
                f"`expansion` allows {self._expansion:,} times its size",
                next_step="if you trust the file, declare a larger `expansion` under the dataset's `source`",
            )

    def _unfit(self, name: str, footer: bytes) -> FatalError | None:
        """The error for a footer with a type that Arrow does not support. None for other footers: those are corrupt."""
        found = unfit_column(footer)
        if found is None:
            return None
        column, why = found
        return FatalError(
            f"dataset {self._dataset}: column {column!r} of {name} {why}",
            next_step="write the file again without the column, or with a more widely supported type, such as text",
        )

    def _unreadable(self, name: str, error: Exception, index: int | None = None) -> SluiceError:
        where = "its footer" if index is None else f"row group {index}"
        if from_system(error) and (known := translated(error, self._opened.conn_id, f"reading {name}")):
            return known
        return self._corrupt(name, f"{where} cannot be read: {said(error)}")

    def _corrupt(self, name: str, why: str) -> FatalError:
        return FatalError(
            f"dataset {self._dataset}: {name} is corrupt: {why}",
            next_step="write the file again, then clear the run from `extract` on",
        )


def _read_ahead(columns: int, *, local: bool) -> int:
    """Bytes per read of one column in a stream. Requests to a remote store are expensive, so they are larger than reads
    from disk. The total is limited, so with many columns each gets less."""
    return min(64 * 1024 if local else _PIECE, max(4 * 1024, budget().whole // columns))


def _footer_bytes(stream: pa.NativeFile, size: int) -> bytes:
    """The footer with its length and magic bytes: the end of the file."""
    # The file ends with the footer, its length in 4 bytes (little endian), and the 4 magic bytes.
    tail = bytes(stream.read_at(min(size, _TAIL), max(size - _TAIL, 0)))
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if length <= len(tail):
        return tail[-length:]
    return bytes(stream.read_at(length, size - length)) if length <= size and tail[-4:] == b"PAR1" else tail[-8:]


def _numbers(fields: Sequence[pa.Field], inside: str = "") -> Iterator[tuple[int, str]]:
    """Field ids with dotted names, spelled as in Iceberg: `element`, `key` and `value` below lists and maps."""
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
