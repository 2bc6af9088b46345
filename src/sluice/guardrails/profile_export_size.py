"""Experience Platform refuses exports with too many profiles."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.guardrails.platform import to_platform
from sluice.formats.parquet import Parquet
from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan

COMPRESSED, UNCOMPRESSED = 10_000_000_000, 1_000_000


def _limit(plan: Plan) -> int | None:
    """The number of records that a run stays below; None if it may have any number."""
    if to_platform(plan.export, plan.connection) is None:
        return None
    plain = isinstance(plan.format, Parquet) and plan.format.compression == "none"
    return UNCOMPRESSED if plain else COMPRESSED


def _describe(plan: Plan) -> str | None:
    limit = _limit(plan)
    if limit is None or not any(feed.dataset.kind == "profile" for feed in plan.feeds):
        return None
    return f"the run fails unless its files have fewer than {limit:,} profiles"


def _check(plan: Plan, facts: Facts) -> Iterator[Finding]:
    limit = _limit(plan)
    profiles = sum(feed.records for feed in facts.feeds if feed.feed.dataset.kind == "profile")
    if limit is not None and profiles >= limit:
        packed = "uncompressed Parquet" if limit == UNCOMPRESSED else "compressed files"
        what = f"the run has {profiles:,} profiles, but Experience Platform exports fewer than {limit:,} as {packed}"
        step = "compress the files" if limit == UNCOMPRESSED else "deliver the datasets with several exports"
        yield Finding("refuse", what, step)


RULE = RunGuardrail(
    name="profile-export-size",
    stage="extract",
    verdict="refuse",
    says="A dataset export to Experience Platform has fewer than 10 billion profiles, and fewer than 1 million as"
    " uncompressed Parquet.",
    source="Experience Platform: guardrails for scheduled dataset exports",
    change="compress the files, or split the export; without `profile` on the connection, there is no such limit",
    example="profile: experience-platform",
    describe=_describe,
    check=_check,
)
