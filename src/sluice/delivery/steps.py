"""The steps of the task `extract`, in order: one list, which the run executes and `sluice plan` prints.

A step without a description for a plan is neither printed nor executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sluice.delivery.extraction import FeedStep, RunStep
from sluice.delivery.incremental.added import ADDED
from sluice.delivery.incremental.changes import CHANGES
from sluice.delivery.pin import PIN
from sluice.delivery.row_rules.expected import EMPTY, EXPECT, LIMIT
from sluice.delivery.row_rules.reject import REJECT
from sluice.delivery.row_rules.unique import UNIQUE
from sluice.delivery.rows.members import MEMBERS
from sluice.delivery.secrets import KEYS, SALTS
from sluice.plan.model import Plan

FIRST: tuple[RunStep, ...] = (KEYS, SALTS)
"""Before any data is read."""
EACH_FEED: tuple[FeedStep, ...] = (PIN, ADDED, MEMBERS, UNIQUE, REJECT, LIMIT, CHANGES)
"""For one feed after another."""
LAST: tuple[RunStep, ...] = (EMPTY, EXPECT)
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


def described(plan: Plan) -> Iterator[str]:
    """The steps as text: a line for each, under the name of its feed."""
    steps = steps_of(plan)
    yield "  extract"
    yield from (f"    {step.name:<9} {step.describe(plan)}" for step in steps.first)
    for feed in plan.feeds:
        yield f"    {feed.name}"
        yield from (f"      {step.name:<7} {step.describe(plan, feed)}" for step in steps.feeds[feed.name])
    yield from (f"    {step.name:<9} {step.describe(plan)}" for step in steps.last)
