"""A target accepts a limited number of records per run."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.guardrails.bounds import lowest
from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan


def _describe(plan: Plan) -> str | None:
    most = lowest(plan, "records_per_run")
    return f"the run is skipped if it has more than {most.value:,} records" if most else None


def _check(plan: Plan, facts: Facts) -> Iterator[Finding]:
    most, records = lowest(plan, "records_per_run"), sum(feed.records for feed in facts.feeds)
    if most is not None and records > most.value:
        yield Finding(
            "skip",
            f"the run has {records:,} records, but {most.whose} accepts {most.value:,} per run",
            f"deliver its segments or datasets with several exports, or raise {most.change} if the target accepts more",
        )


RULE = RunGuardrail(
    name="records-per-run",
    stage="extract",
    verdict="skip",
    says="A run has at most as many records as its target accepts.",
    source="Customer Insights: up to 1 million customer profiles per export to Google Ads",
    change="`limits.records_per_run` of the connection or of the project",
    example="limits: {records_per_run: 1000000}",
    describe=_describe,
    check=_check,
)
