"""What is sent: chunks to send together, the shard of them that one task carries, and the parts that arrived."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Chunk(BaseModel):
    """Records `first` (counted from 0 among the feed's selected rows) up to `first + records`: one part."""

    model_config = ConfigDict(frozen=True)

    number: int
    first: int
    records: int


class Shard(BaseModel):
    """Consecutive chunks of one feed, carried by one task. Small: it travels through XCom."""

    model_config = ConfigDict(frozen=True)

    number: int
    """Counted from 0 over all feeds of the run."""
    feed: str
    first_chunk: int
    chunks: int
    records: int

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
    name: str
    """Relative to the connection's folder."""
    records: int
    bytes: int
    sha256: str
    """In lower-case hexadecimal, of the bytes as sent."""
    checksum: str | None = None
    """The destination's own checksum, in its own spelling."""
