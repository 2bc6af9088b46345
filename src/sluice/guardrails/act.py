"""What a verdict does to a run."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterable, Mapping

from sluice.errors import FatalError, HeldError, Skipped
from sluice.model.guardrail import Finding, Verdict
from sluice.plan.model import Plan

THEN: Mapping[Verdict, str] = {
    "inform": "the run continues",
    "warn": "the run warns",
    "skip": "the run is skipped",
    "hold": "the run is held",
    "refuse": "the run fails",
}
"""Each verdict in a sentence of `sluice plan`."""
_GRAVEST: tuple[Verdict, ...] = ("refuse", "hold", "skip")


def act(plan: Plan, findings: Iterable[Finding], warn: Callable[[str], None], *, done: str = "sent") -> None:
    """Say what was found, and end the run if a verdict does. Raises `FatalError` for `refuse`, `HeldError` for `hold`,
    `Skipped` for `skip`: the gravest of them. A run that was released passes `hold`. Everything that does not end the
    run is said first. `done` is what a run that ends here has not done: `sent`, or `published` if all is sent."""
    ending: list[Finding] = []
    for found in findings:
        if found.verdict == "inform":
            logging.getLogger(__name__).info(found.what)
        elif found.verdict == "warn":
            warn(f"{found.what}: the run continues")
        elif found.verdict == "hold" and plan.run.release:
            warn(f"{found.what}: the operator released the run")
        else:
            ending.append(found)
    for verdict in _GRAVEST:
        for found in ending:
            if found.verdict == verdict:
                raise _error(plan, found, done)


def _error(plan: Plan, found: Finding, done: str) -> FatalError | Skipped:
    if found.verdict == "skip":
        return Skipped(f"{found.what}: the run is skipped", next_step=found.next_step)
    if found.verdict == "hold":
        advice = f"if this is right, start the run again with *Release* in Airflow's form, or run `{_command(plan)}`"
        step = f"{found.next_step}; {advice}" if found.next_step else advice
        return HeldError(f"{found.what}: the run is held, and nothing is {done}", next_step=step)
    return FatalError(
        f"{found.what}: nothing is {done}", next_step=found.next_step or "correct the data, or the declared limit"
    )


def _command(plan: Plan) -> str:
    """The command that starts this run again, released."""
    run = plan.run
    words = ["sluice", "run", run.export, "--release"]
    if run.only:
        words += ["--feeds", *run.only]
    if run.mode:
        words += ["--mode", run.mode]
    if run.window:
        words += ["--window", run.window.after.isoformat(), run.window.until.isoformat()]
    return shlex.join(words)
