"""The guardrails of runs, by the stage at which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sluice.guardrails.facts import Facts, FeedFacts
from sluice.model.guardrail import Finding, Guardrail
from sluice.plan.model import Plan


@dataclass(frozen=True, kw_only=True)
class FeedGuardrail(Guardrail):
    """Asked about each feed, at the stage `feed`."""

    describe: Callable[[Plan], str | None]
    """A phrase for `sluice plan`; None if the rule does not apply to a run of this plan."""
    check: Callable[[Plan, FeedFacts], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class RunGuardrail(Guardrail):
    """Asked about the whole run, at the stage `start`, `extract`, `chunk` or `publish`."""

    describe: Callable[[Plan], str | None]
    """A phrase for `sluice plan`; None if the rule does not apply to a run of this plan."""
    check: Callable[[Plan, Facts], Iterator[Finding]]
