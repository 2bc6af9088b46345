"""Events that are too old are left out."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.guardrails.facts import FeedFacts
from sluice.guardrails.rule import FeedGuardrail
from sluice.model.declared import spell_duration
from sluice.model.guardrail import Finding
from sluice.plan.model import Feed, Plan


def _describe(plan: Plan) -> str | None:
    said = plan.guardrails.old_rows != "off" and any(feed.oldest for feed in plan.feeds)
    return "the run says how many events are too old" if said else None


def _check(plan: Plan, facts: FeedFacts) -> Iterator[Finding]:
    verdict, feed = plan.guardrails.old_rows, facts.feed
    if verdict == "off" or feed.oldest is None:
        return
    if facts.too_old:
        age = _age(plan, feed)
        yield Finding(verdict, f"{feed.name}: {facts.too_old:,} events are older than {age}, and are left out")
    if facts.undated:
        what = f"{feed.name}: {facts.undated:,} events have no {feed.dataset.time}, so their age is not known"
        yield Finding(verdict, f"{what}, and they are delivered")


def _age(plan: Plan, feed: Feed) -> str:
    return spell_duration(plan.run.time - feed.oldest) if feed.oldest else ""


RULE = FeedGuardrail(
    name="old-rows",
    stage="feed",
    verdict="inform",
    says="Dataset exports leave out events that are older than 365 days.",
    source="Experience Platform: guardrails for scheduled dataset exports",
    change="`max_age` of the export; `guardrails.old_rows` of the project changes the verdict",
    example="max_age: 90 days",
    setting="old_rows",
    describe=_describe,
    check=_check,
)
