"""Hold or fail a run because of its rows, and say how to release it."""

from __future__ import annotations

import shlex
from typing import Literal

from sluice.delivery.step import Step
from sluice.errors import FatalError, HeldError
from sluice.plan.model import Plan

Verdict = Literal["warn", "hold", "fail"]


def judge(plan: Plan, verdict: Verdict, what: str, step: Step) -> None:
    """Warn, hold the run, or fail it. Raises `HeldError` for `hold`, `FatalError` for `fail`; a run that was released
    passes `hold`."""
    if verdict == "fail":
        raise FatalError(f"{what}: nothing is sent", next_step="correct the data, or the declared limit")
    if verdict == "hold" and not plan.run.release:
        raise HeldError(
            f"{what}: the run is held, and nothing is sent",
            next_step="if the rows are right, start the run again with *Release* in Airflow's form, or run"
            f" `{_command(plan)}`",
        )
    step.warn(f"{what}: {'the operator released the run' if verdict == 'hold' else 'the run continues'}")


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
