"""Every guardrail, in the order in which a run meets them."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.check import GUARDRAILS as OF_DECLARATIONS
from sluice.guardrails import (
    dataset_size,
    deliver_once,
    empty_run,
    end_soon,
    expected_records,
    files_per_run,
    first_delivery,
    least_records,
    licence_volume,
    near_limit,
    old_rows,
    profile_export_size,
    recent_runs,
    records_per_run,
    records_per_segment,
    rejected_rows,
    schema_change,
    suppression_fresh,
)
from sluice.guardrails.rule import FeedGuardrail, RunGuardrail
from sluice.model.guardrail import Guardrail
from sluice.plan.model import Plan

OF_STARTS: tuple[RunGuardrail, ...] = (deliver_once.RULE,)
OF_FEEDS: tuple[FeedGuardrail, ...] = (
    suppression_fresh.RULE,
    rejected_rows.RULE,
    records_per_segment.RULE,
    near_limit.RULE,
    least_records.RULE,
    old_rows.RULE,
    dataset_size.RULE,
)
OF_RUNS: tuple[RunGuardrail, ...] = (
    empty_run.RULE,
    expected_records.RULE,
    schema_change.RULE,
    records_per_run.RULE,
    profile_export_size.RULE,
    recent_runs.RUNS,
    recent_runs.BYTES,
    first_delivery.RULE,
    end_soon.RULE,
    licence_volume.ESTIMATE,
)
OF_CHUNKS: tuple[RunGuardrail, ...] = (files_per_run.RUN, files_per_run.FEED)
OF_DELIVERIES: tuple[RunGuardrail, ...] = (licence_volume.VOLUME,)
"""Asked at the stage `publish`."""
GUARDRAILS: tuple[Guardrail, ...] = (*OF_DECLARATIONS, *OF_STARTS, *OF_FEEDS, *OF_RUNS, *OF_CHUNKS, *OF_DELIVERIES)


def described(plan: Plan) -> Iterator[str]:
    """A line for each guardrail that applies to a run of the plan."""
    rules: tuple[FeedGuardrail | RunGuardrail, ...] = (*OF_STARTS, *OF_FEEDS, *OF_RUNS, *OF_CHUNKS, *OF_DELIVERIES)
    found = [(rule.name, rule.describe(plan)) for rule in rules]
    yield from (f"{name:<25} {phrase}" for name, phrase in found if phrase)
