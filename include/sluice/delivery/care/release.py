"""What stops a run for its rows, and how someone lets it go on."""

from __future__ import annotations

import json
from typing import Any, Literal

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
            f"{what}: the run is held, and nothing is sent", next_step=f"if this is right: {_trigger(plan)}"
        )
    step.warn(f"{what}: {'released by a person' if verdict == 'hold' else 'the run goes on'}")


def _trigger(plan: Plan) -> str:
    """The command that does what this run would have done."""
    run = plan.run
    conf: dict[str, Any] = {"release": True}
    if run.only:
        conf["feeds"] = list(run.only)
    if run.mode:
        conf["mode"] = run.mode
    if run.window:
        conf["window"] = {"from": run.window.after.isoformat(), "to": run.window.until.isoformat()}
    return f"airflow dags trigger export__{run.export} --conf '{json.dumps(conf)}'"
