"""Moves an export's watermark by hand: as one more place in the log of its deliveries, without a manifest.

So a run that was pinned before finds its place taken, and publishes nothing: no row is delivered by both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

from sluice.delivery.commit.committing import deliveries_of
from sluice.delivery.commit.deliveries import Claim
from sluice.delivery.commit.watermark import Watermark
from sluice.errors import FatalError
from sluice.model.access import Connections
from sluice.plan.model import Plan
from sluice.sources.position import Position

Feeds = Mapping[str, Position]


def last_claim(plan: Plan, connections: Connections) -> Claim | None:
    """The last place in the log of the export's deliveries, with the watermark."""
    return deliveries_of(plan, connections).last()


def feeds_of(claim: Claim | None) -> Feeds | None:
    """How far each feed was delivered; None if the next run delivers everything."""
    return claim.watermark.feeds if claim is not None and claim.watermark is not None else None


def move_watermark(
    plan: Plan, feeds: Feeds | None, seen: Feeds | None, connections: Connections, by: str, now: datetime
) -> Watermark | None:
    """Let the next run continue from these positions; None: it delivers everything. Returns the new watermark.

    Raises `FatalError` if the watermark is not the one that was seen, or if another run delivers meanwhile."""
    deliveries = deliveries_of(plan, connections)
    last = deliveries.last()
    if feeds_of(last) != seen:
        raise _moved(plan)
    number = (last.number if last else 0) + 1
    run = str(uuid4())
    before = last.watermark if last else None
    watermark = None
    if feeds is not None:
        watermark = Watermark(
            run=before.run if before else run,
            run_id=f"set by {by}",
            previous=before.previous if before else None,
            number=number,
            published_at=now.isoformat(timespec="seconds"),
            definition_hash=plan.definition_hash,
            feeds=feeds,
        )
    claim = Claim(number=number, run=run, run_id=f"set by {by}", opened=0, manifest="", watermark=watermark)
    if not deliveries.claim(claim):
        raise _moved(plan)
    return watermark


def _moved(plan: Plan) -> FatalError:
    return FatalError(
        f"the watermark of {plan.export.name} has changed since you saw it: nothing was changed",
        next_step="look at the new watermark, then decide again",
    )
