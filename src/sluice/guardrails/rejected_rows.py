"""An export tolerates a limited number of rows that cannot be delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sluice.definition.models.rows import allowed
from sluice.guardrails.act import THEN
from sluice.guardrails.facts import FeedFacts
from sluice.guardrails.rule import FeedGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan


def _describe(plan: Plan) -> str | None:
    declared = plan.export.rejects
    if declared.max is None:
        return None
    return f"{THEN[declared.on_exceeded]} if more than {declared.max} of a feed's rows are rejected"


def _check(plan: Plan, facts: FeedFacts) -> Iterator[Finding]:
    declared, rows = plan.export.rejects, facts.records + facts.rejected
    if declared.max is None or facts.rejected <= allowed(declared.max, rows):
        return
    (reason, count), *_ = Counter(facts.reasons).most_common(1)
    yield Finding(
        declared.on_exceeded,
        f"{facts.name}: {facts.rejected:,} of {rows:,} rows cannot be delivered, but `rejects.max` is {declared.max};"
        f" the most frequent reason ({count:,}): {reason}. The rows are in {facts.quarantine}",
    )


RULE = FeedGuardrail(
    name="rejected-rows",
    stage="feed",
    verdict="refuse",
    says="At most as many rows of a feed are rejected as the export tolerates.",
    source="Sluice",
    change="`rejects.max` and `rejects.on_exceeded` of the export",
    example="rejects: {max: 1%, on_exceeded: hold}",
    describe=_describe,
    check=_check,
)
