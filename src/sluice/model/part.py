"""What is sent: chunks to send together, the shard of them that one task carries, and the parts that arrived."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class Chunk(BaseModel):
    """Records `first` (counted from 0 among the feed's selected rows) up to `first + records`: one part, unless that
    would be larger than the export allows; then each piece of it is one."""

    model_config = ConfigDict(frozen=True)

    number: int
    first: int
    records: int
    piece: int = 0
    """Counted from 0 within the chunk."""

    @property
    def key(self) -> tuple[int, int]:
        """Its place among the feed's parts."""
        return self.number, self.piece


class Shard(BaseModel):
    """Consecutive chunks of one feed, carried by one task. Small: it travels through XCom."""

    model_config = ConfigDict(frozen=True)

    number: int
    """Counted from 0 over all feeds of the run."""
    feed: str
    first_chunk: int
    chunks: int
    records: int
    size: int
    """Records of each of its chunks but the feed's last."""

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
    """The piece's number within its chunk; 0 where the chunk is one part."""
    name: str
    """Relative to the connection's folder."""
    records: int
    bytes: int
    sha256: str
    """In lower-case hexadecimal, of the bytes as sent."""
    checksum: str | None = None
    """The destination's own checksum, in its own spelling."""

    @property
    def key(self) -> tuple[int, int]:
        """Its place among the feed's parts."""
        return self.number, self.piece


def consecutive(parts: Sequence[Part]) -> bool:
    """Whether parts, in their order, begin with the first and leave none out."""
    expected = (0, 0)
    for part in parts:
        if part.key not in (expected, (expected[0] + bool(expected[1]), 0)):
            return False
        expected = (part.number, part.piece + 1)
    return True
