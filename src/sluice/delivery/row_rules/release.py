"""What stops a run for its rows, and how someone lets it go on."""

from __future__ import annotations

import shlex
from typing import Literal

from sluice.delivery.step import Step
from sluice.errors import FatalError, HeldError
from sluice.plan.model import Plan

Verdict = Literal["warn", "hold", "fail"]


def judge(plan: Plan, verdict: Verdict, what: str, step: Step) -> None:
    """Warn, hold the run, or fail it. Raises `HeldError` or `FatalError` unless it goes on; of a run that was
    released, only if the verdict is `fail`."""
    if verdict == "fail":
        raise FatalError(f"{what}: nothing is sent", next_step="correct the data, or the limit that is declared")
    if verdict == "hold" and not plan.run.release:
        raise HeldError(
            f"{what}: the run is held, and nothing is sent",
            next_step=f"if this is right: start it again with *Release* in Airflow's form, or `{_command(plan)}`",
        )
    step.warn(f"{what}: {'released by a person' if verdict == 'hold' else 'the run goes on'}")


def _command(plan: Plan) -> str:
    """The command that does what this run would have done."""
    run = plan.run
    words = ["sluice", "run", run.export, "--release"]
    if run.only:
        words += ["--feeds", *run.only]
    if run.mode:
        words += ["--mode", run.mode]
    if run.window:
        words += ["--window", run.window.after.isoformat(), run.window.until.isoformat()]
    return shlex.join(words)
