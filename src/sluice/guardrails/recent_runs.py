"""A target accepts a limited number of deliveries in an hour, and of bytes in a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sluice.guardrails.bounds import bounds, lowest
from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan
from sluice.runs.answers import Delivered

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _since(plan: Plan, facts: Facts, span: timedelta, connection: str) -> Delivered:
    """What other runs have delivered within a span of time before now: to one connection, or in the whole project."""
    return facts.index().delivered_since(facts.now - span, connection=connection, but=str(plan.run.id))


def _describe_runs(plan: Plan) -> str | None:
    most = lowest(plan, "runs_per_hour")
    return f"the run is skipped after {most.value:,} deliveries within an hour" if most else None


def _check_runs(plan: Plan, facts: Facts) -> Iterator[Finding]:
    for most in bounds(plan, "runs_per_hour"):
        runs = _since(plan, facts, HOUR, most.connection).deliveries
        if runs >= most.value:
            what = (
                f"{runs:,} deliveries have ended within an hour, but {most.whose} accepts {most.value:,} runs per hour"
            )
            yield Finding("skip", what, f"start the run later, spread the schedules, or raise {most.change}")


def _describe_bytes(plan: Plan) -> str | None:
    most = lowest(plan, "bytes_per_day")
    return f"the run is skipped after {most.value:,} bytes within a day" if most else None


def _check_bytes(plan: Plan, facts: Facts) -> Iterator[Finding]:
    for most in bounds(plan, "bytes_per_day"):
        size = _since(plan, facts, DAY, most.connection).bytes
        if size >= most.value:
            what = f"{size:,} bytes were delivered within a day, but {most.whose} accepts {most.value:,} per day"
            yield Finding("skip", what, f"start the run later, or raise {most.change}")


RUNS = RunGuardrail(
    name="runs-per-hour",
    stage="extract",
    verdict="skip",
    says="A target gets at most as many deliveries within an hour as it accepts.",
    source="Sluice",
    change="`limits.runs_per_hour` of the connection or of the project",
    example="limits: {runs_per_hour: 10}",
    describe=_describe_runs,
    check=_check_runs,
)
BYTES = RunGuardrail(
    name="bytes-per-day",
    stage="extract",
    verdict="skip",
    says="No run starts once a target has got as many bytes within a day as it accepts.",
    source="Sluice",
    change="`limits.bytes_per_day` of the connection or of the project",
    example="limits: {bytes_per_day: 50 GB}",
    describe=_describe_bytes,
    check=_check_bytes,
)
