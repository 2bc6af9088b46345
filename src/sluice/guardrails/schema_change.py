"""A delivery has the columns of the delivery before."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.guardrails.act import THEN
from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan


def _describe(plan: Plan) -> str | None:
    verdict = plan.guardrails.schema_change
    return None if verdict == "off" else f"{THEN[verdict]} if a column is new, is gone or has another type"


def _check(plan: Plan, facts: Facts) -> Iterator[Finding]:
    verdict = plan.guardrails.schema_change
    if verdict == "off":
        return
    for feed in facts.feeds:
        for what in feed.schema_changes:
            yield Finding(verdict, f"{feed.name}: {what} since the last delivery")


RULE = RunGuardrail(
    name="schema-change",
    stage="extract",
    verdict="warn",
    says="A delivery has the same columns, of the same types, as the delivery before.",
    source="Sluice",
    change="`guardrails.schema_change` of the project",
    example="guardrails: {schema_change: hold}",
    setting="schema_change",
    describe=_describe,
    check=_check,
)
