"""All names under which a run may have sent parts: those of its plan, and those of its earlier plans."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pydantic import BaseModel, ConfigDict

from sluice.delivery.chunk import Shards
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.staging import Stage
from sluice.delivery.upload.pieces import namer, parts_of
from sluice.plan.model import Plan


def names_of(plan: Plan, stage: Stage, held: Collection[str]) -> list[str]:
    """The names of all files that the plan may have sent before its manifest, of the feeds in `held`; none before
    `chunk` has run. An empty name in `held` stands for the delivery's trigger file."""
    cut = stage.find("shards", Shards)
    names: list[str] = []
    for feed in plan.feeds:
        extract = stage.find(f"extract/{feed.name}", FeedExtract) if feed.name in held else None
        if extract is not None:
            named = namer(plan, stage, feed)
            shards = [shard for shard in (cut.shards if cut else ()) if shard.feed == feed.name]
            names += [named(part) for shard in shards for part in parts_of(plan, stage, shard, extract.records)]
    trigger = plan.export.names.trigger
    if trigger and trigger.written == "before-manifest" and (trigger.suffix or "" in held):
        names += plan.triggers(names)
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
