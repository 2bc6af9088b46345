"""Every name that a run may have sent parts under: by its plan, and by former plans of the same run."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from sluice.delivery.chunk import Shards
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.staging import Stage
from sluice.delivery.upload.pieces import parts_of
from sluice.plan.model import Plan


def names_of(plan: Plan, stage: Stage) -> list[str]:
    """Every part that the plan may have sent; none before the rows were cut."""
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
    """Staged before what they follow from is replaced, and never shortened: a name that is not there costs nothing."""

    model_config = ConfigDict(frozen=True)

    names: tuple[str, ...] = ()


def leftovers(stage: Stage) -> tuple[str, ...]:
    """What former plans of this run may have left."""
    return (stage.find("leftovers", Leftovers) or Leftovers()).names


def remember(names: Iterable[str], stage: Stage) -> None:
    """Add to them; nothing is written where there is nothing new."""
    before = leftovers(stage)
    after = tuple(sorted({*before, *names}))
    if after != before:
        stage.write("leftovers", Leftovers(names=after))
