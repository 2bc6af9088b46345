"""A target accepts a limited number of members per segment."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.chunk.cut import Cuts
from sluice.guardrails.bounds import lowest
from sluice.guardrails.facts import FeedFacts
from sluice.guardrails.rule import FeedGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan

_SPLIT = "split the segment: if the target takes it as several, declare `over_limit: split`"


def _describe(plan: Plan) -> str | None:
    most = lowest(plan, "records_per_segment")
    if most is None or not any(feed.segment for feed in plan.feeds):
        return None
    if plan.most:
        return f"a segment with more than {most.value:,} records is split"
    return f"the run is skipped if a segment has more than {most.value:,} records"


def _check(plan: Plan, facts: FeedFacts) -> Iterator[Finding]:
    most = lowest(plan, "records_per_segment")
    if most is not None and facts.feed.segment and facts.records > most.value:
        what = f"segment {facts.name} has {facts.records:,} records"
        whose = f"{most.whose} accepts {most.value:,} per segment"
        if plan.most:
            cuts = Cuts(facts.records, 1, plan.most)
            last = f"{facts.name}-{cuts.groups}"
            yield Finding("inform", f"{what}, and {whose}: it is split into {cuts.groups}, {facts.name} to {last}")
        else:
            yield Finding(
                "skip", f"{what}, but {whose}", f"{_SPLIT}, or raise {most.change} if the target accepts more"
            )


RULE = FeedGuardrail(
    name="records-per-segment",
    stage="feed",
    verdict="skip",
    says="A segment has at most as many records as its target accepts.",
    source="Customer Insights: exceeding the limits of the target system skips the export",
    change="`limits.records_per_segment` of the connection or of the project, or `over_limit: split` of the export",
    example="limits: {records_per_segment: 1000000}",
    describe=_describe,
    check=_check,
)
