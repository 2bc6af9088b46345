"""What a run does if there is nothing to deliver."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.guardrails.act import THEN
from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan


def _describe(plan: Plan) -> str | None:
    then = plan.export.when_empty
    return f"{THEN[then]} if there are no records" if then in ("skip", "refuse") else None


def _check(plan: Plan, facts: Facts) -> Iterator[Finding]:
    export = plan.export
    if export.when_empty in ("skip", "refuse") and not any(feed.records for feed in facts.feeds):
        step = "" if export.when_empty == "skip" else "check its segments and datasets, then clear the run"
        what = f"{export.name}: there are no records to deliver, and `when_empty` is `{export.when_empty}`"
        yield Finding(export.when_empty, what, step)


RULE = RunGuardrail(
    name="empty-run",
    stage="extract",
    verdict="skip",
    says="A run has records to deliver.",
    source="Sluice",
    change="`when_empty` of the export. By default, an empty delivery is published",
    example="when_empty: skip",
    describe=_describe,
    check=_check,
)
