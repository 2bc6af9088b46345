"""Finish: the last step of every run. What it left is settled, and what became of it is reported."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sluice.definition.models.project import Staging
from sluice.delivery.abort import Aborted, abort
from sluice.delivery.report.begun import Beginnings
from sluice.delivery.report.ending import Ending, Tasks, ending
from sluice.delivery.report.history import History
from sluice.delivery.report.report import Report
from sluice.delivery.staging import StagedRun
from sluice.errors import SluiceError
from sluice.model.access import Connections


@dataclass(frozen=True)
class Known:
    """A run as its last step finds it."""

    export: str
    run_id: str
    flow_run_id: str
    tasks: Tasks
    staged: StagedRun | None = None
    """None if nothing was extracted, and so nothing sent."""
    published: bool = False
    """Whether `publish` has said so."""
    dry_run: bool = False
    resend: bool = False
    """It sends a former run's parts again: what is staged is that run's."""


@dataclass(frozen=True)
class Finished:
    """A run that was settled."""

    ending: Ending
    done: Aborted
    error: SluiceError | None = None
    """What kept the run from being settled: another try, or the next run, goes on."""
    report: Report | None = None
    """Of a run that was published without its `publish`: that could not tell of it."""


def finish(run: Known, staging: Staging, connections: Connections, now: datetime) -> Finished:
    """Remove what an unpublished run has sent, or publish one that is decided; then report how it ended.

    Raises nothing that the destination or staging does: how the run ended is to be told in any case."""
    done, error = Aborted(published=run.published), None
    try:
        if run.staged is not None and not run.dry_run:
            found = abort(run.staged, connections, now)
            # A former run's staging says that the former run is published.
            done = found.model_copy(update={"published": run.published if run.resend else found.published})
    except SluiceError as failed:
        error = failed
    came_to = Ending("skipped") if run.dry_run and _unsent(run.tasks) else ending(run.tasks, done)
    report = None
    if not (run.dry_run or run.published):
        try:
            report = _report(run, came_to, History(staging, run.export, connections), now)
        except SluiceError as failed:
            error = error or failed
    return Finished(came_to, done, error, report)


def _unsent(tasks: Tasks) -> bool:
    return "failed" not in tasks.states.values()


def _report(run: Known, came_to: Ending, history: History, now: datetime) -> Report | None:
    """Report how the run has ended. Of a run that another process has published, what that has reported."""
    if came_to.outcome == "published":
        return history.find(run.flow_run_id)
    known = None if run.resend else history.find(run.flow_run_id)
    said = {"outcome": came_to.outcome, "why": came_to.page, "ended_at": now.isoformat(timespec="seconds")}
    bare = {"export": run.export, "run": run.run_id, "flow_run_id": run.flow_run_id}
    history.keep(known.model_copy(update=said | bare) if known else Report.model_validate(said | bare))
    return None


def forget(run: Known, staging: Staging, connections: Connections) -> None:
    """Everything is said of the run. If that cannot be written, the next run finds its report, and that it was told."""
    with suppress(SluiceError):
        Beginnings(staging, run.export, connections).remove(run.flow_run_id)
