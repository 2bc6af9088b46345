"""Pin: fix what a run reads of a feed's dataset, and check that the feed's fields and format fit it."""

from __future__ import annotations

from sluice.delivery.extraction import FeedExtraction, FeedStep
from sluice.delivery.incremental.added import skipping
from sluice.delivery.rows.extracted import FeedExtract
from sluice.errors import about
from sluice.mapping.mapper import compile_fields
from sluice.plan.model import Feed, Plan


def _describe(_: Plan, feed: Feed) -> str:
    return f"pins the data of {feed.dataset.name}"


def _pin(work: FeedExtraction) -> None:
    plan, feed = work.plan, work.feed
    with about("datasets", feed.dataset.name):
        source = work.source
        if feed.mode == "incremental":
            source = skipping(feed, plan, source, work.since)
        pinned = source.pin(work.run.stage.opened.below(f"spool/{feed.name}"))
    with about("exports", plan.export.name):
        work.mapper = compile_fields(feed.fields, pinned.schema, dataset=feed.dataset.name).salted(work.salts)
        plan.format.check(work.mapper.schema)
    work.extract = FeedExtract(feed=feed.name, pinned=pinned, kept=tuple(piece.records for piece in pinned.slices))


PIN = FeedStep("pin", _describe, _pin)
