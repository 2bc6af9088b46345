"""Chunk: cut the extract into chunks, and those into shards, one for each upload task."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from sluice.chunk.cut import shards_of
from sluice.delivery.extracted import FeedExtract
from sluice.delivery.staging import StagedRun
from sluice.delivery.step import noting
from sluice.model.access import Connections
from sluice.model.part import Shard
from sluice.plan.model import Plan


class Shards(BaseModel):
    """Every shard of a run."""

    model_config = ConfigDict(frozen=True)

    shards: tuple[Shard, ...]


def chunk(staged: StagedRun, connections: Connections, *, most: int | None = None) -> tuple[Shard, ...]:
    """The run's shards, the same each time: they follow from the extract's counts and the declaration alone.

    `most` shards a feed where the declaration says otherwise: one where a single process carries them all, since lanes
    share chunks within a shard and wait for each other between two.
    """
    stage = staged.open(connections)
    plan = stage.read("plan", Plan)
    spec = plan.export.chunks
    shards: list[Shard] = []
    with noting(stage, "chunk"):
        for feed in plan.feeds:
            records = stage.read(f"extract/{feed.name}", FeedExtract).records
            shards += shards_of(feed.name, records, spec.records, most or spec.shards, len(shards))
        stage.write("shards", Shards(shards=tuple(shards)))
    return tuple(shards)
