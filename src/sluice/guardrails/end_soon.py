"""The schedule of an export ends soon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sluice.definition.start import DAYS, before_end, ends
from sluice.guardrails.act import THEN
from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan
from sluice.runs.record import Record

_READ = 20
"""The number of earlier runs that are searched for one since the threshold."""


def _describe(plan: Plan) -> str | None:
    verdict, spec = plan.guardrails.end_soon, plan.export.when
    if verdict == "off" or spec is None or spec.end is None or plan.run.is_backfill:
        return None
    days = ", ".join(map(str, DAYS[:-1]))
    return f"{THEN[verdict]} once each within {days} and {DAYS[-1]} days of {spec.end:%Y-%m-%d %H:%M} UTC"


def _check(plan: Plan, facts: Facts) -> Iterator[Finding]:
    """The first run within each number of days warns. A run that is retried warns again, in its own report."""
    verdict, spec = plan.guardrails.end_soon, plan.export.when
    if verdict == "off" or spec is None or spec.end is None or plan.run.is_backfill or plan.run.time > spec.end:
        return
    days = before_end(spec.end, plan.run.time)
    if days is None:
        return
    since = spec.end - timedelta(days=days)
    if not any(_due(plan, one) >= since for one in _earlier(plan, facts)):
        what = f"export {plan.export.name} {ends(spec.end, plan.run.time)}; `end` in its schedule prolongs it"
        yield Finding(verdict, what)


def _earlier(plan: Plan, facts: Facts) -> Iterator[Record]:
    for one in facts.index().ended_before(plan.export.name, facts.now, _READ):
        if one.run != plan.run.run_id and not one.window:
            yield one


def _due(plan: Plan, record: Record) -> datetime:
    """About when an earlier run was due: it starts later, possibly on the other side of the threshold. The clocks of
    workers differ, so a run may seem to start after its end."""
    started, spec = min(record.started or record.ended, record.ended), plan.export.when
    tick = spec.ticks.until(started) if spec and spec.by_the_clock else None
    return tick or started


RULE = RunGuardrail(
    name="end-soon",
    stage="extract",
    verdict="warn",
    says="The first run within 30, 7 and 1 days of the end of its schedule says so.",
    source="Experience Platform: exports stop on the end date of their dataflow",
    change="change `end` in the schedule; `guardrails.end_soon` of the project changes the verdict",
    example='schedule: {daily: "06:00", end: 2027-12-31}',
    setting="end_soon",
    describe=_describe,
    check=_check,
)
