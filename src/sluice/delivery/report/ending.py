"""How a run has ended: one answer for its state, its report and its notices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from sluice.delivery.abort import Aborted
from sluice.delivery.report.report import Outcome

_LOOKED_AT = 20
"""Failed tasks whose pages are looked for: a run may have thousands."""
_DIED = "its process died, or someone ended it\n  next: open the run: its log says more; then clear the red tasks"
_CANCELLED = "someone ended the run, or one of its tasks, before it could publish\n  next: nothing, or clear the run"


class Verdict(BaseModel):
    """Why a task did not succeed, as the task itself has left it."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["skipped", "held", "failed"]
    page: str


class Tasks(Protocol):
    """The tasks of a run, as whoever runs them tells of them."""

    states: Mapping[str, str]
    """`success`, `failed`, `skipped`, ... by the task's name; of mapped ones with the number behind: `upload_3`."""

    def verdict(self, task: str) -> Verdict | None:
        """What a task has left; None of one that died, or that someone else ended."""
        ...


@dataclass(frozen=True)
class Ending:
    """What a run has come to."""

    outcome: Outcome
    page: str = ""
    """Why nothing was published, and what to do next."""


def ending(tasks: Tasks, done: Aborted) -> Ending:
    """What a run has come to whose tasks are over, and whose log was settled with `done`.

    A task that someone ends is failed or skipped without a verdict. `publish` follows tasks that were skipped, and
    fails with those that failed: if it is skipped, and no task says why, someone has ended the run."""
    if done.published:
        return Ending("published")
    if done.unfinished:
        return Ending("unknown", done.unfinished)
    if tasks.states.get("publish") in ("skipped", "success"):
        said = _said(tasks, "skipped")
        return Ending("skipped", said.page) if said else Ending("cancelled", _CANCELLED)
    if said := _said(tasks, "failed"):
        return Ending(said.kind, said.page)
    failed = _those(tasks, "failed")
    return Ending("failed", f"it ended in {', '.join(failed[:5]) or 'no task of its own'}: {_DIED}")


def _those(tasks: Tasks, state: str) -> list[str]:
    return [task for task, found in tasks.states.items() if found == state]


def _said(tasks: Tasks, state: str) -> Verdict | None:
    """The first verdict of a task in that state which is about that state: a try that failed may have been followed by
    one that someone ended."""
    found = (tasks.verdict(task) for task in _those(tasks, state)[:_LOOKED_AT])
    return next((one for one in found if one and (one.kind == "skipped") == (state == "skipped")), None)
