"""How rows are cut into chunks and sent: what an export declares, what its target's profile says of it, and the rules
that follow from both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, WithJsonSchema

from sluice.memory import LEAST
from sluice.model.declared import Declared, Duration

Size = Annotated[ByteSize, WithJsonSchema({"type": ["string", "integer"], "examples": ["100 MB", "1 GiB"]})]
"""A number of bytes: a number and a unit."""

Memory = Annotated[Size, Field(ge=LEAST)]
"""A number of bytes that a process can work with."""

ProfileName = Literal["data-workbench"]


class Chunks(Declared):
    """How rows are cut into chunks, and how chunks are sent."""

    records: int | None = Field(default=None, ge=1)
    """Records in one chunk, exactly; the last chunk of a feed holds the rest. 250,000 unless given, or what the
    connection's profile says; with `bytes` the most that one chunk may hold, any number unless given."""
    bytes: Annotated[Size, Field(ge=1000)] | None = None
    """The most bytes of one file, after compression, as `100 MB` (10^8) or `1 GiB` (2^30). No file is larger, but one
    that holds a single record."""
    threads: int = Field(default=12, ge=1, le=24)
    """Chunks that one shard sends at once."""
    shards: int = Field(default=4, ge=1, le=64)
    """The most Airflow tasks that one run spreads over."""
    retries: int | None = Field(default=None, ge=0, le=100)
    """How often a chunk is sent again after a failure that may pass, before its task fails: 3 unless given, or what
    the connection's profile says."""
    retry_delay: Duration = timedelta(seconds=2)
    """The pause before a chunk is sent again; it doubles each time, unless the connection's profile says otherwise."""


@dataclass(frozen=True)
class Profile:
    """What a target asks of everything that is delivered to it."""

    title: str
    least: int = 1
    """Fewest records of a chunk; a declared number below is raised to it."""
    most: int | None = None
    """Most records of a chunk; a declared number above is lowered to it."""
    records: int = 250_000
    """Records of a chunk where none are declared."""
    retries: int = 3
    """Tries of a chunk beyond the first where none are declared."""
    doubling: bool = True
    """Whether the pause between two tries doubles each time."""
    character: str | None = None
    """What one character of a path may be, as a regular expression; None for whatever the destination takes."""

    def clip(self, records: int) -> int:
        """The number of records that is used in place of a declared one."""
        raised = max(records, self.least)
        return raised if self.most is None else min(raised, self.most)


STANDARD = Profile("no profile")
PROFILES: Mapping[ProfileName, Profile] = {
    "data-workbench": Profile(
        "Data Workbench", least=1000, most=50_000, records=10_000, retries=0, doubling=False, character=r"[!-~]"
    ),
}
"""`data-workbench`: the rules of `MMPExport.cfg`; it has no path with spaces or multibyte characters. Its 1 to 24
threads, 12 by default, and its pause of 2 s are everybody's."""


class ChunkRules(BaseModel):
    """How the rows of a run are cut and sent: every default filled in."""

    model_config = ConfigDict(frozen=True)

    records: int | None
    """Records in one chunk; None where `bytes` alone says."""
    bytes: int | None
    threads: int
    shards: int
    retries: int
    retry_delay: timedelta
    doubling: bool


def profile_of(name: ProfileName | None) -> Profile:
    return PROFILES[name] if name else STANDARD


def rules_of(chunks: Chunks, profile: Profile) -> ChunkRules:
    """What is declared, within what the target takes."""
    unbounded = chunks.records is None and chunks.bytes is not None and profile.most is None
    return ChunkRules(
        records=None if unbounded else profile.clip(profile.records if chunks.records is None else chunks.records),
        bytes=chunks.bytes,
        threads=chunks.threads,
        shards=chunks.shards,
        retries=profile.retries if chunks.retries is None else chunks.retries,
        retry_delay=chunks.retry_delay,
        doubling=profile.doubling,
    )


def clipped(chunks: Chunks, profile: Profile) -> Iterator[str]:
    """What is declared and not used as it is, a sentence each."""
    if chunks.records is not None and profile.clip(chunks.records) != chunks.records:
        yield (
            f"{chunks.records:,} records a chunk are declared, and {profile.title} takes {profile.least:,} to"
            f" {profile.most:,}: {profile.clip(chunks.records):,} are used"
        )
