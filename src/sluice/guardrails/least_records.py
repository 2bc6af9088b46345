"""A target refuses segments that are too small."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.chunk.cut import Cuts
from sluice.guardrails.bounds import Bound, bounds
from sluice.guardrails.facts import FeedFacts
from sluice.guardrails.rule import FeedGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan


def _least(plan: Plan) -> Bound | None:
    return max(bounds(plan, "least_records_per_segment"), default=None)


def _describe(plan: Plan) -> str | None:
    least = _least(plan)
    if least is None or not any(feed.segment for feed in plan.feeds):
        return None
    return f"the run is skipped if a segment has fewer than {least.value:,} records"


def _check(plan: Plan, facts: FeedFacts) -> Iterator[Finding]:
    least, cuts = _least(plan), Cuts(facts.records, 1, plan.most)
    smallest = facts.records - (cuts.groups - 1) * cuts.group
    if least is not None and facts.feed.segment and smallest < least.value:
        group = f" in the last of its {cuts.groups} groups" if cuts.groups > 1 else ""
        yield Finding(
            "skip",
            f"segment {facts.name} has {smallest:,} records{group}, but {least.whose} accepts none with fewer than"
            f" {least.value:,}",
            f"widen the segment, or lower {least.change} if the target accepts fewer",
        )


RULE = FeedGuardrail(
    name="least-records-per-segment",
    stage="feed",
    verdict="skip",
    says="A segment has at least as many records as its target needs.",
    source="Customer Insights: a segment for AdRoll must contain at least 100 customer profiles",
    change="`limits.least_records_per_segment` of the connection or of the project",
    example="limits: {least_records_per_segment: 100}",
    describe=_describe,
    check=_check,
)
