"""How rows are cut into chunks and sent: the keys of an export, the profile of its target, and the rules that result
from both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, WithJsonSchema

from sluice.chunk.cut import SHARD
from sluice.memory import LEAST
from sluice.model.declared import Declared, Duration

Size = Annotated[ByteSize, WithJsonSchema({"type": ["string", "integer"], "examples": ["100 MB", "1 GiB"]})]
"""A number of bytes: a number and a unit."""

Memory = Annotated[Size, Field(ge=LEAST)]
"""A memory limit of a process, in bytes."""

ProfileName = Literal["data-workbench", "experience-platform"]


class Chunks(Declared):
    """How rows are cut into chunks, and how chunks are sent."""

    records: int | None = Field(default=None, ge=1)
    """The exact number of records in one chunk; the last chunk of a feed, or of each group of a split segment, holds
    the rest. Default: 250,000, or the connection profile's number. With `bytes`, it is the maximum number, and the
    default is no maximum."""
    bytes: Annotated[Size, Field(ge=1000)] | None = None
    """The maximum size of one file after compression, such as `100 MB` (10^8 bytes) or `1 GiB` (2^30). Only a file with
    a single record can be larger."""
    threads: int = Field(default=12, ge=1, le=24)
    """The number of chunks that one shard sends in parallel."""
    shards: int = Field(default=4, ge=1, le=512)
    """The maximum number of Airflow tasks that one run spreads over, for each feed."""
    shard_bytes: Annotated[Size, Field(ge=1000)] = ByteSize(SHARD)
    """The amount of data for one task, as the source stores it before compression. A feed with more is spread over
    several tasks, as far as `shards` allows; then each carries more."""
    retries: int | None = Field(default=None, ge=0, le=100)
    """The number of retries of a chunk after a transient failure, before its task fails. Default: 3, or the connection
    profile's number."""
    retry_delay: Duration = timedelta(seconds=2)
    """The delay before a chunk is retried. It doubles with each attempt, unless the connection's profile keeps it
    constant."""


@dataclass(frozen=True)
class Profile:
    """A target's rules for everything that is delivered to it."""

    title: str
    least: int = 1
    """The minimum number of records in a chunk. A declared number below it is raised."""
    most: int | None = None
    """The maximum number of records in a chunk. A declared number above it is lowered."""
    records: int = 250_000
    """The default number of records in a chunk."""
    retries: int = 3
    """The default number of retries of a chunk."""
    doubling: bool = True
    """Whether the retry delay doubles with each attempt."""
    log: str = "EXPORT"
    """The word that the names of runs' logs begin with."""
    character: str | None = None
    """A regular expression for one character of a path; None for the destination's own rule."""
    time_limit: timedelta | None = None
    """The default time limit of an attempt of a task; None for no limit."""

    def clip(self, records: int) -> int:
        """The declared number of records, raised or lowered to the limits."""
        raised = max(records, self.least)
        return raised if self.most is None else min(raised, self.most)

    def limit(self, declared: timedelta | None) -> timedelta | None:
        """The time limit of an attempt: the declared one, or the default. None for no limit, declared as 0."""
        return (self.time_limit if declared is None else declared) or None


STANDARD = Profile("no profile")
PROFILES: Mapping[ProfileName, Profile] = {
    "data-workbench": Profile(
        "Data Workbench",
        least=1000,
        most=50_000,
        records=10_000,
        retries=0,
        doubling=False,
        log="MMP",
        character=r"[!-~]",
        time_limit=timedelta(minutes=10),
    ),
    "experience-platform": Profile("Experience Platform"),
}
"""`data-workbench`: the rules of `MMPExport.cfg`, which allows no spaces and no multibyte characters in paths. Its
limits for threads (1 to 24, 12 by default) and its delay of 2 s are the defaults of every target.
`experience-platform`: guardrails about dataset exports, in `definition/guardrails` and in `guardrails`."""


class ChunkRules(BaseModel):
    """How the rows of a run are cut and sent, with every default filled in."""

    model_config = ConfigDict(frozen=True)

    records: int | None
    """The number of records in one chunk; None if only `bytes` limits it."""
    bytes: int | None
    threads: int
    shards: int
    shard_bytes: int = SHARD
    """Plans that an older version has staged do not have it."""
    retries: int
    retry_delay: timedelta
    doubling: bool


def profile_of(name: ProfileName | None) -> Profile:
    return PROFILES[name] if name else STANDARD


def rules_of(chunks: Chunks, profile: Profile, most: int | None = None) -> ChunkRules:
    """The declared values, within the target's limits. `most` limits the bytes of a file."""
    unbounded = chunks.records is None and chunks.bytes is not None and profile.most is None
    return ChunkRules(
        records=None if unbounded else profile.clip(profile.records if chunks.records is None else chunks.records),
        bytes=min((size for size in (chunks.bytes, most) if size is not None), default=None),
        threads=chunks.threads,
        shards=chunks.shards,
        shard_bytes=chunks.shard_bytes,
        retries=profile.retries if chunks.retries is None else chunks.retries,
        retry_delay=chunks.retry_delay,
        doubling=profile.doubling,
    )


def clipped(chunks: Chunks, profile: Profile) -> Iterator[str]:
    """Yield a sentence for each declared value that the profile changes."""
    if chunks.records is not None and profile.clip(chunks.records) != chunks.records:
        yield (
            f"{chunks.records:,} records per chunk are declared, but {profile.title} accepts {profile.least:,} to"
            f" {profile.most:,}: {profile.clip(chunks.records):,} are used"
        )
