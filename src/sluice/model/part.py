"""The units of sending: chunks, the shard of chunks that one task sends, and the parts at the destination."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class Chunk(BaseModel):
    """The records from `first` (counted from 0 among the feed's selected rows) up to `first + records`, excluded. A
    chunk is one part, or several pieces if it would be larger than the export allows; then each piece is a part."""

    model_config = ConfigDict(frozen=True)

    number: int
    first: int
    records: int
    piece: int = 0
    """Counted from 0 within the chunk."""
    pieces: int = 1
    """The number of pieces of the chunk."""
    group: int = 0
    """The number of its group within the feed, from 0; see `Plan.most`."""

    @property
    def key(self) -> tuple[int, int]:
        """Its position among the feed's parts."""
        return self.number, self.piece


class Shard(BaseModel):
    """Consecutive chunks of one feed that one task sends. It is small, because it travels through XCom."""

    model_config = ConfigDict(frozen=True)

    number: int
    """Counted from 0 over all feeds of the run."""
    feed: str
    first_chunk: int
    chunks: int
    records: int
    size: int
    """The number of records in each of its chunks, except the last chunk of the feed, or of each of its groups."""

    @property
    def label(self) -> str:
        last = self.first_chunk + self.chunks - 1
        span = f"chunk {last}" if self.chunks == 1 else f"chunks {self.first_chunk}-{last}"
        return f"{self.feed}: {span}"


class Part(BaseModel):
    """A file at the destination, as it was sent and confirmed."""

    model_config = ConfigDict(frozen=True)

    feed: str
    number: int
    """The chunk's number within its feed."""
    piece: int = 0
    """The piece's number within its chunk; 0 if the chunk is one part."""
    group: int = 0
    """The number of its group within the feed."""
    name: str
    """Relative to the connection's folder."""
    records: int
    bytes: int
    sha256: str
    """The SHA-256 of the bytes as sent, in lower-case hexadecimal."""
    checksum: str | None = None
    """The destination's own checksum, in its own format."""
    tries: int = 1
    """How often it was sent in the attempt of its task that succeeded."""
    sent_at: str = ""
    """When it had arrived, in UTC. Empty in the receipts of an older version."""

    @property
    def key(self) -> tuple[int, int]:
        """Its position among the feed's parts."""
        return self.number, self.piece


def consecutive(parts: Sequence[Part]) -> bool:
    """Whether the parts, in this order, start with the first one and have no gap."""
    expected = (0, 0)
    for part in parts:
        if part.key not in (expected, (expected[0] + bool(expected[1]), 0)):
            return False
        expected = (part.number, part.piece + 1)
    return True
