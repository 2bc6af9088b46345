"""All names under which a run may have sent parts: those of its plan, and those of its earlier plans."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from sluice.delivery.chunk import Shards
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.staging import Stage
from sluice.delivery.upload.pieces import parts_of
from sluice.plan.model import Plan


def names_of(plan: Plan, stage: Stage) -> list[str]:
    """The names of all parts that the plan may have sent; none before `chunk` has run."""
    cut = stage.find("shards", Shards)
    feeds = {feed.name: feed for feed in plan.feeds}
    names: list[str] = []
    for shard in cut.shards if cut else ():
        extract = stage.find(f"extract/{shard.feed}", FeedExtract)
        if extract is not None and shard.feed in feeds:
            parts = parts_of(plan, stage, shard, extract.records)
            names += [plan.part_name(feeds[shard.feed], *part.key) for part in parts]
    return names


class Leftovers(BaseModel):
    """Names of earlier plans. They are staged before the plan is replaced, and never shortened: a missing file does no
    harm."""

    model_config = ConfigDict(frozen=True)

    names: tuple[str, ...] = ()


def leftovers(stage: Stage) -> tuple[str, ...]:
    """The names that earlier plans of this run may have left."""
    return (stage.find("leftovers", Leftovers) or Leftovers()).names


def remember(names: Iterable[str], stage: Stage) -> None:
    """Add names to the staged ones; writes nothing if there are no new ones."""
    before = leftovers(stage)
    after = tuple(sorted({*before, *names}))
    if after != before:
        stage.write("leftovers", Leftovers(names=after))
