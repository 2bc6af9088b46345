"""An export that runs once is done with its first delivery."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.start import is_done
from sluice.guardrails.facts import Facts
from sluice.guardrails.rule import RunGuardrail
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan


def _describe(plan: Plan) -> str | None:
    return "the run is skipped if the export has delivered before" if _applies(plan) else None


def _applies(plan: Plan) -> bool:
    run = plan.run
    return plan.export.runs_once and not (run.again or run.is_backfill or run.dry_run)


def _check(plan: Plan, facts: Facts) -> Iterator[Finding]:
    """A run that was cleared delivers what it has delivered before."""
    last = facts.last_delivery() if _applies(plan) else None
    if last is not None and last.flow_run_id != str(plan.run.id) and is_done(plan.export, last.ended):
        name = plan.export.name
        yield Finding(
            "skip",
            f"export {name} runs once, and run {last.run} has delivered it on {last.ended:%Y-%m-%d %H:%M} UTC",
            f"nothing; to deliver it again, run `sluice run {name} --again`, or start a run with *Deliver again*",
        )


RULE = RunGuardrail(
    name="deliver-once",
    stage="start",
    verdict="skip",
    says="An export with `schedule: once` is done with its first delivery.",
    source="Data Workbench: Oneshot",
    change="`again: true` in the configuration of a run; a later time in `once`, or another schedule",
    example="schedule: once",
    describe=_describe,
    check=_check,
)
