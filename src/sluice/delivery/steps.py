"""The steps of the task `extract`, in order: one list, which the run executes and `sluice plan` prints.

A step without a description for a plan is neither printed nor executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sluice.delivery import audience
from sluice.delivery.extraction import FeedStep, RunStep
from sluice.delivery.guarding import FEED_GUARDRAILS, RUN_GUARDRAILS, START_GUARDRAILS
from sluice.delivery.incremental.added import ADDED
from sluice.delivery.incremental.changes import CHANGES
from sluice.delivery.pin import PIN
from sluice.delivery.row_rules.age import AGE
from sluice.delivery.row_rules.reject import REJECT
from sluice.delivery.row_rules.screen import SCREEN
from sluice.delivery.row_rules.unique import UNIQUE
from sluice.delivery.rows.members import MEMBERS
from sluice.delivery.secrets import KEYS, LOGIN, SALTS, SUBJECTS
from sluice.guardrails import table
from sluice.plan.explain import explain
from sluice.plan.model import Plan

FIRST: tuple[RunStep, ...] = (START_GUARDRAILS, KEYS, LOGIN, SALTS, SUBJECTS, audience.CHECK)
"""Before any data is read."""
EACH_FEED: tuple[FeedStep, ...] = (PIN, ADDED, MEMBERS, AGE, SCREEN, UNIQUE, REJECT, FEED_GUARDRAILS, CHANGES)
"""For one feed after another."""
LAST: tuple[RunStep, ...] = (RUN_GUARDRAILS, audience.PREPARE)
"""Once every feed is extracted."""


class Steps(NamedTuple):
    """The steps that a run of one plan takes."""

    first: Sequence[RunStep]
    feeds: Mapping[str, Sequence[FeedStep]]
    last: Sequence[RunStep]


def steps_of(plan: Plan) -> Steps:
    """The steps of a run, and of each of its feeds by name."""
    return Steps(
        [step for step in FIRST if step.describe(plan)],
        {feed.name: [step for step in EACH_FEED if step.describe(plan, feed)] for feed in plan.feeds},
        [step for step in LAST if step.describe(plan)],
    )


def explained(plan: Plan) -> str:
    """What a run would do, and the steps by which it chooses its rows: one fact per line."""
    return "\n".join([explain(plan), *described(plan)])


def described(plan: Plan) -> Iterator[str]:
    """The steps as text: a line for each, under the name of its feed."""
    steps = steps_of(plan)
    yield "  extract"
    yield from (f"    {step.name:<9} {step.describe(plan)}" for step in steps.first)
    for feed in plan.feeds:
        yield f"    {feed.name}"
        yield from (f"      {step.name:<7} {step.describe(plan, feed)}" for step in steps.feeds[feed.name])
    yield from (f"    {step.name:<9} {step.describe(plan)}" for step in steps.last)
    rules = list(table.described(plan))
    yield from ["  guardrails", *(f"    {rule}" for rule in rules)] if rules else []
