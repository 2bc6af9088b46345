"""Encode rows into the bytes of one part, up to the export's limit."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluice.encryption.openpgp import MIB, Encryptor
from sluice.errors import FatalError
from sluice.formats.base import Format
from sluice.model.part import Chunk

if TYPE_CHECKING:
    import pyarrow as pa


class Stopped(Exception):  # noqa: N818 - not an error: the error is raised elsewhere
    """The shard has failed elsewhere or was cancelled, so the current upload is cancelled."""


class TooLarge(Exception):  # noqa: N818 - not an error: the chunk is cut into pieces
    """The chunk's file would be larger than the export allows."""


@dataclass(frozen=True)
class Encoding:
    """How one feed's rows become bytes. The same rows always become the same bytes, unless they are encrypted."""

    feed: str
    format: Format
    schema: pa.Schema
    limit: int | None = None
    """The most bytes of one part. A part with a single record may be larger."""
    encryptor: Encryptor | None = None
    """Encrypts each part into one message."""
    stop: threading.Event = field(default_factory=threading.Event)

    def holds(self, records: int, width: int) -> int:
        """Bytes of memory that one worker's encoder needs for a chunk of `records` records of `width` bytes each. An
        encrypted part is in memory three times."""
        message = min(self.encryptor.most_mib * MIB, records * width) * 3 if self.encryptor else 0
        return self.format.holds(width) + message

    def part(self, chunk: Chunk, tables: Iterable[pa.Table]) -> Iterator[bytes]:
        """The bytes of one part. Raises `TooLarge` above the limit, `FatalError` if the number of rows differs from the
        chunk's."""
        size = 0
        pieces = self._encode(chunk, tables)
        for piece in self.encryptor.encrypt(pieces) if self.encryptor else pieces:
            size += len(piece)
            if self.limit is not None and size > self.limit and chunk.records > 1:
                raise TooLarge
            yield piece

    def fits(self, chunk: Chunk, tables: Iterable[pa.Table]) -> bool:
        """Whether the chunk fits into one part."""
        try:
            for _ in self.part(chunk, tables):
                pass
        except TooLarge:
            return False
        return True

    def size(self, tables: Iterable[pa.Table]) -> int:
        """Bytes of a part of these rows."""
        encoder = self.format.encoder(self.schema)
        return sum(len(piece) for table in tables for piece in encoder.encode(table)) + sum(map(len, encoder.close()))

    def _encode(self, chunk: Chunk, tables: Iterable[pa.Table]) -> Iterator[bytes]:
        encoder = self.format.encoder(self.schema)
        records = 0
        for table in tables:
            if self.stop.is_set():
                raise Stopped
            records += table.num_rows
            yield from encoder.encode(table)
        yield from encoder.close()
        if records != chunk.records:
            raise FatalError(
                f"chunk {chunk.number} of {self.feed} has {records} records, but {chunk.records} were counted",
                next_step="trigger a new run: the data changed while it was read",
            )
