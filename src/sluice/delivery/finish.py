"""Finish: the last step of every run. It settles what the run has left and reports how the run ended."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sluice.definition.models.project import Staging
from sluice.delivery.abort import Aborted, abort
from sluice.delivery.export_log import log_failure
from sluice.delivery.report.begun import Beginnings
from sluice.delivery.report.ending import Ending, Tasks, ending
from sluice.delivery.report.history import History
from sluice.delivery.report.report import Report
from sluice.delivery.staging import StagedRun
from sluice.errors import SluiceError
from sluice.model.access import Connections
from sluice.plan.model import Plan


@dataclass(frozen=True)
class Known:
    """A run as its last step finds it."""

    export: str
    kind: str
    connection: str
    """Both empty if the export's declaration cannot be read."""
    run_id: str
    flow_run_id: str
    tasks: Tasks
    staged: StagedRun | None = None
    """None if nothing was extracted, so nothing was sent."""
    published: bool = False
    """Whether the task `publish` succeeded."""
    dry_run: bool = False
    resend: bool = False
    """It sends the parts of an earlier run again; `staged` is that run's staging."""


@dataclass(frozen=True)
class Finished:
    """A run that was settled."""

    ending: Ending
    done: Aborted
    error: SluiceError | None = None
    """Why the run could not be settled; a retry or the next run continues."""
    report: Report | None = None
    """The report of a run that another process has published, so that its own `publish` could not report it."""


def finish(run: Known, staging: Staging, connections: Connections, now: datetime) -> Finished:
    """Remove what an unpublished run has sent, or publish a decided one; then report how it ended.

    Returns errors of the destination and of staging instead of raising them, so that receivers are always notified."""
    done, error = Aborted(published=run.published), None
    try:
        if run.staged is not None and not run.dry_run:
            found = abort(run.staged, connections, now)
            # The staging of a resend is the earlier run's, which is published.
            done = found.model_copy(update={"published": run.published if run.resend else found.published})
    except SluiceError as failed:
        error = failed
    ended = Ending("skipped") if run.dry_run and _unsent(run.tasks) else ending(run.tasks, done)
    report = None
    if not (run.dry_run or run.published):
        try:
            report = _report(run, ended, History(staging, run.export, connections), now)
            _log(run, ended, done, connections, now)
        except SluiceError as failed:
            error = error or failed
    return Finished(ended, done, error, report)


def _log(run: Known, ended: Ending, done: Aborted, connections: Connections, now: datetime) -> None:
    """Write the reason into the log of a run that has published nothing: `abort` does not know it."""
    if run.staged is None or run.resend or done.published or done.unfinished:
        return
    stage = run.staged.open(connections)
    if (plan := stage.find("plan", Plan)) is not None:
        log_failure(plan, stage, connections, ended.outcome, ended.page, now)


def _unsent(tasks: Tasks) -> bool:
    return "failed" not in tasks.states.values()


def _report(run: Known, ended: Ending, history: History, now: datetime) -> Report | None:
    """Record how the run ended. If another process has published it, returns the report of that process."""
    if ended.outcome == "published":
        return history.find(run.flow_run_id)
    known = None if run.resend else history.find(run.flow_run_id)
    update = {"outcome": ended.outcome, "why": ended.page, "ended_at": now.isoformat(timespec="seconds")}
    bare = {"export": run.export, "run": run.run_id, "flow_run_id": run.flow_run_id}
    declared = {"kind": run.kind, "connection": run.connection}
    history.keep(known.model_copy(update=update | bare) if known else Report.model_validate(update | bare | declared))
    return None


def forget(run: Known, staging: Staging, connections: Connections) -> None:
    """Remove the run from those whose end is not reported. If that fails, the next run finds that its end was
    reported."""
    with suppress(SluiceError):
        Beginnings(staging, run.export, connections).remove(run.flow_run_id)
