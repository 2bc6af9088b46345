"""The parts of a feed: its chunks, and the pieces of chunks that do not fit into one file.

Pieces are staged before the first of them is sent, so a retry and a cleanup know every name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from sluice.chunk.cut import Cuts, pieces_of
from sluice.delivery.chunk import Shards
from sluice.delivery.staging import Stage
from sluice.model.part import Chunk, Shard
from sluice.plan.model import Feed, Plan

FOLDER = "pieces"


class Pieces(BaseModel):
    """How a chunk was cut: the records of each piece."""

    model_config = ConfigDict(frozen=True)

    number: int
    records: tuple[int, ...]


def keep_pieces(stage: Stage, feed: str, pieces: Sequence[Chunk]) -> None:
    """Stage how one chunk is cut. The same chunk is always cut in the same way."""
    number = pieces[0].number
    stage.write(f"{FOLDER}/{feed}/{number:05d}", Pieces(number=number, records=tuple(one.records for one in pieces)))


def namer(plan: Plan, stage: Stage, feed: Feed) -> Callable[[Chunk], str]:
    """The names of the feed's parts, once its chunks are staged."""
    cut = stage.find("shards", Shards)
    only = sum(shard.chunks for shard in cut.shards if shard.feed == feed.name) == 1 if cut else False
    return lambda chunk: plan.name_of(feed, chunk, alone=only and chunk.pieces == 1)


def parts_of(plan: Plan, stage: Stage, shard: Shard, records: int) -> list[Chunk]:
    """The parts that a shard of a feed with `records` rows sends, as far as the cut of its chunks is known."""
    chunks = Cuts(records, shard.size, plan.most).of(shard.first_chunk, shard.chunks)
    cut = _staged(stage, shard.feed) if plan.chunks.bytes is not None else {}
    return [piece for chunk in chunks for piece in pieces_of(chunk, cut.get(chunk.number, (chunk.records,)))]


def _staged(stage: Stage, feed: str) -> dict[int, tuple[int, ...]]:
    names = [file.name.removesuffix(".json") for file in stage.opened.list(f"{FOLDER}/{feed}")]
    return {found.number: found.records for name in names if (found := stage.find(name, Pieces))}
