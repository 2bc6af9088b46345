"""The lists of those who must not be delivered are there, and are not too old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sluice.definition.models.consent import Suppression
from sluice.guardrails.facts import FeedFacts, ListFacts
from sluice.guardrails.rule import FeedGuardrail
from sluice.model.declared import spell_duration
from sluice.model.guardrail import Finding
from sluice.plan.model import Plan


def _describe(plan: Plan) -> str | None:
    wrong = [phrase for rule in plan.suppressions for phrase in _wrong(rule)]
    return f"the run fails if {' or '.join(wrong)}" if wrong else None


def _wrong(rule: Suppression) -> Iterator[str]:
    if not rule.allow_empty:
        yield f"{rule.dataset} is empty"
    if rule.max_age is not None:
        yield f"{rule.dataset} is older than {spell_duration(rule.max_age)}"


def _check(plan: Plan, facts: FeedFacts) -> Iterator[Finding]:  # noqa: ARG001
    for one in facts.lists:
        yield from _of(one, facts.now)


def _of(one: ListFacts, now: datetime | None) -> Iterator[Finding]:
    rule, name = one.rule, f"the suppression list {one.rule.dataset}"
    if not one.entries and not rule.allow_empty:
        step = "correct the list, or declare `allow_empty: true` if nobody needs to be on it"
        yield Finding("refuse", f"{name} is empty", step)
    if rule.max_age is None or now is None:
        return
    most = spell_duration(rule.max_age)
    if one.written_at is None:
        step = "deliver the list as files, or delete `max_age`"
        yield Finding("refuse", f"{name} has `max_age: {most}`, but its age is not known: its rows are copied", step)
    elif now - one.written_at > rule.max_age:
        written = f"{one.written_at:%Y-%m-%d %H:%M} UTC"
        step = "write the list anew, or raise `max_age`; then start another run"
        yield Finding("refuse", f"{name} is too old: it was written at {written}, and `max_age` is {most}", step)


RULE = FeedGuardrail(
    name="suppression-fresh",
    stage="feed",
    verdict="refuse",
    says="Each list of those who must not be delivered has entries and is not too old.",
    source="Sluice",
    change="`max_age` and `allow_empty` of the list under `suppress`",
    example="suppress: [{dataset: suppression_list, by: email, hash: sha256, max_age: 24h}]",
    describe=_describe,
    check=_check,
)
