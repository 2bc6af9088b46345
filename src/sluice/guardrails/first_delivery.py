"""The first delivery of an incremental export has every row."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan


def _describe(plan: Plan) -> str | None:
    said = plan.guardrails.first_delivery != "off" and not plan.run.window and _some(plan)
    return "the run says if it delivers every row, because nothing was delivered before" if said else None


def _some(plan: Plan) -> bool:
    return any(plan.mode_of(feed) == "incremental" for feed in plan.feeds)


def _check(plan: Plan, facts: Facts) -> Iterator[Finding]:
    verdict = plan.guardrails.first_delivery
    if verdict == "off":
        return
    for feed in facts.feeds:
        if feed.first and plan.mode_of(feed.feed) == "incremental":
            what = f"{feed.name}: this is the first delivery, so it has all {feed.records:,} rows, as a backfill"
            yield Finding(verdict, what)


RULE = RunGuardrail(
    name="first-delivery",
    stage="extract",
    verdict="inform",
    says="The first delivery of an incremental export has every row, and later ones have the rows added since.",
    source="Experience Platform: the first incremental file export is a backfill",
    change="`guardrails.first_delivery` of the project changes the verdict",
    example="mode: incremental",
    setting="first_delivery",
    describe=_describe,
    check=_check,
)
