"""How a run ended: one answer for its state, its report and its notices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from sluice.delivery.abort import Aborted
from sluice.delivery.report.report import Outcome

_READ = 20
"""The most tasks whose verdicts are read: a run may have thousands."""
_DIED = (
    "its process died, or someone ended it\n  next: check the log of the task in Airflow, then clear the failed tasks"
)
_CANCELLED = "someone ended the run, or one of its tasks, before it could publish\n  next: nothing, or clear the run"


class Verdict(BaseModel):
    """Why a task did not succeed, as the task itself recorded it."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["skipped", "held", "failed"]
    page: str


class Tasks(Protocol):
    """The tasks of a run, as the scheduler knows them."""

    states: Mapping[str, str]
    """`success`, `failed`, `skipped`, ... by the task's name; a mapped task's name ends in its index: `upload_3`."""

    def verdict(self, task: str) -> Verdict | None:
        """What the task recorded; None if it died or was ended from outside."""
        ...


@dataclass(frozen=True)
class Ending:
    """How a run ended."""

    outcome: Outcome
    page: str = ""
    """Why nothing was published, and what to do next."""


def ending(tasks: Tasks, done: Aborted) -> Ending:
    """How a run ended, from its finished tasks and from `done`, the result of `abort`.

    A task that is ended from outside is failed or skipped without a verdict. `publish` is skipped after skipped tasks,
    and fails after failed ones: if it is skipped and no task has a verdict, the run was ended from outside."""
    if done.published:
        return Ending("published")
    if done.unfinished:
        return Ending("unknown", done.unfinished)
    if tasks.states.get("publish") in ("skipped", "success"):
        verdict = _verdict(tasks, "skipped")
        return Ending("skipped", verdict.page) if verdict else Ending("cancelled", _CANCELLED)
    if verdict := _verdict(tasks, "failed"):
        return Ending(verdict.kind, verdict.page)
    failed = _in_state(tasks, "failed")
    what = f"it failed in {', '.join(failed[:5])}" if failed else "it ended, but no task reports a failure"
    return Ending("failed", f"{what}: {_DIED}")


def _in_state(tasks: Tasks, state: str) -> list[str]:
    return [task for task, found in tasks.states.items() if found == state]


def _verdict(tasks: Tasks, state: str) -> Verdict | None:
    """The first verdict about `state` of the tasks in that state. A verdict may be about another state: a failed
    attempt can be followed by one that is ended from outside."""
    found = (tasks.verdict(task) for task in _in_state(tasks, state)[:_READ])
    return next((one for one in found if one and (one.kind == "skipped") == (state == "skipped")), None)
