"""Guardrails: named rules of what may be delivered, with one set of verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["inform", "warn", "skip", "hold", "refuse"]
"""inform: it is said, and nothing changes.
warn: it is said, shown with the run, and sent to those who receive warnings. The run continues.
skip: the run sends nothing, and its consumers get the next one. Nothing is wrong.
hold: the run sends nothing until the operator has checked it and releases it.
refuse: the declaration cannot be used, or the run fails. Nothing is sent."""
Stage = Literal["check", "start", "feed", "extract", "chunk", "publish"]
"""check: when declarations are read, by `sluice check`, the page, and every DAG.
start: in a run, before any data is read.
feed: in a run, when the rows of a feed are chosen, and before anything is sent.
extract: in a run, when the rows of all feeds are chosen, and before anything is sent.
chunk: in a run, when its rows are cut into files, and before anything is sent.
publish: in a run, when everything is sent, and before it becomes visible."""


@dataclass(frozen=True, kw_only=True)
class Guardrail:
    """One rule, as `sluice guardrails` and the documentation show it."""

    name: str
    stage: Stage
    verdict: Verdict
    """The default verdict."""
    says: str
    """The rule, in one sentence."""
    source: str
    """The product whose documentation has the rule, or `Sluice`."""
    change: str
    """What to declare to change it or switch it off; how to comply if it cannot be changed."""
    example: str
    """A declaration that it applies to."""
    setting: str = ""
    """The key of `guardrails` in `project.yaml` that changes the verdict; empty if it cannot be changed there."""

    def verdict_in(self, chosen: object) -> Verdict | Literal["off"]:
        """The verdict in a project. `chosen` has the verdicts that it declares, as attributes."""
        found: Verdict | Literal["off"] = getattr(chosen, self.setting) if self.setting else self.verdict
        return found


@dataclass(frozen=True)
class Finding:
    """What a guardrail has found in a run."""

    verdict: Verdict
    what: str
    next_step: str = ""
