"""A segment has nearly as many members as its target accepts."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.guardrails.act import THEN
from sluice.guardrails.bounds import lowest
from sluice.guardrails.facts import FeedFacts
from sluice.guardrails.rule import FeedGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan

NEAR = 90
"""The percentage of the limit from which a segment is near it."""


def _describe(plan: Plan) -> str | None:
    most, verdict = lowest(plan, "records_per_segment"), plan.guardrails.near_limit
    if most is None or plan.most or verdict == "off" or not any(feed.segment for feed in plan.feeds):
        return None
    return f"{THEN[verdict]} if a segment has at least {NEAR} % of {most.value:,} records"


def _check(plan: Plan, facts: FeedFacts) -> Iterator[Finding]:
    most, verdict = lowest(plan, "records_per_segment"), plan.guardrails.near_limit
    if most is None or plan.most or verdict == "off" or not facts.feed.segment:
        return
    if NEAR * most.value <= 100 * facts.records <= 100 * most.value:
        share = f"{100 * facts.records // most.value} % of the {most.value:,} that {most.whose} accepts per segment"
        yield Finding(verdict, f"segment {facts.name} has {facts.records:,} records, {share}")


RULE = FeedGuardrail(
    name="near-limit",
    stage="feed",
    verdict="warn",
    says=f"A segment has less than {NEAR} % of the records that its target accepts.",
    source="Customer Insights: you get a warning if a segment is too large",
    change="`guardrails.near_limit` of the project",
    example="limits: {records_per_segment: 1000000}",
    setting="near_limit",
    describe=_describe,
    check=_check,
)
