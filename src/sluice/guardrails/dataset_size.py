"""Very large datasets are slow to export."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.guardrails.platform import to_platform
from sluice.guardrails.act import THEN
from sluice.guardrails.facts import FeedFacts
from sluice.guardrails.rule import FeedGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan

MOST = 5_000_000_000


def _describe(plan: Plan) -> str | None:
    verdict = plan.guardrails.dataset_size
    if verdict == "off" or to_platform(plan.export, plan.connection) is None:
        return None
    return f"{THEN[verdict]} if a dataset has more than {MOST:,} records"


def _check(plan: Plan, facts: FeedFacts) -> Iterator[Finding]:
    verdict = plan.guardrails.dataset_size
    if verdict != "off" and to_platform(plan.export, plan.connection) and facts.records > MOST:
        what = f"dataset {facts.name} has {facts.records:,} records, but Experience Platform advises at most {MOST:,}"
        yield Finding(verdict, what)


RULE = FeedGuardrail(
    name="dataset-size",
    stage="feed",
    verdict="warn",
    says="A dataset export to Experience Platform has at most 5 billion records per dataset.",
    source="Experience Platform: guardrails for scheduled dataset exports",
    change="export incrementally, or less of the dataset; `guardrails.dataset_size` of the project changes the verdict",
    example="profile: experience-platform",
    setting="dataset_size",
    describe=_describe,
    check=_check,
)
