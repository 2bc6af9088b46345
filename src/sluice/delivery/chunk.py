"""Chunk: cut the extract into chunks, and group them into shards, one for each upload task."""

from __future__ import annotations

from itertools import chain

from pydantic import BaseModel, ConfigDict

from sluice.chunk.cut import Cuts, shards_of
from sluice.chunk.fit import records_within, sample_of
from sluice.delivery.guarding import guard_chunks
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.opened import open_rows
from sluice.delivery.staging import Stage, StagedRun
from sluice.delivery.step import noting
from sluice.delivery.upload.encode import Encoding
from sluice.memory import use
from sluice.model.access import Connections
from sluice.model.part import Shard
from sluice.plan.model import Feed, Plan


class Shards(BaseModel):
    """Every shard of a run."""

    model_config = ConfigDict(frozen=True)

    shards: tuple[Shard, ...]


def chunk(staged: StagedRun, connections: Connections, *, most: int | None = None) -> tuple[Shard, ...]:
    """The run's shards. Deterministic: they depend only on the extract and the declaration. If chunks are declared by
    bytes, a sample of the rows determines the records of a chunk. Raises `Skipped` if there are more files than the
    target accepts.

    `most` limits the shards of a feed. Default: `chunks.shards`. A single process that uploads all shards passes 1,
    because its workers share the chunks of a shard and wait for each other between two shards.
    """
    stage = staged.open(connections)
    plan = stage.read("plan", Plan)
    use(plan.memory)
    shards: list[Shard] = []
    with noting(stage, "chunk") as note:
        extracts: list[FeedExtract] = []
        for feed in plan.feeds:
            extract = stage.read(f"extract/{feed.name}", FeedExtract)
            extracts.append(extract)
            size = _size(plan, feed, extract, stage, connections)
            cuts = Cuts(extract.records, size, plan.most)
            shards_at_most, carries = most or plan.chunks.shards, plan.chunks.shard_bytes
            cut = shards_of(feed.name, cuts, extract.weights, shards_at_most, carries, len(shards))
            if not cut and plan.export.when_empty == "file":
                cut = [Shard(number=len(shards), feed=feed.name, first_chunk=0, chunks=1, records=0, size=size)]
            shards += cut
        files = {feed.name: sum(one.chunks for one in shards if one.feed == feed.name) for feed in plan.feeds}
        guard_chunks(plan, extracts, files, connections, note)
        stage.write("shards", Shards(shards=tuple(shards)))
    return tuple(shards)


def _size(plan: Plan, feed: Feed, extract: FeedExtract, stage: Stage, connections: Connections) -> int:
    """Records per chunk of the feed."""
    rules, records = plan.chunks, extract.records
    most = rules.records or max(1, records)
    if rules.bytes is None or not records:
        return most
    rows, mapper = open_rows(feed, extract, stage, connections)
    stretches = sample_of(records)
    tables = chain.from_iterable(rows.read(first, last) for first, last in stretches)
    size = Encoding(feed.name, plan.format, mapper.schema).size(tables)
    return min(most, records_within(rules.bytes, sum(last - first for first, last in stretches), size))
