"""The task `wait_for_refreshes`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseSensorOperator, Context

from sluice.airflow import metrics, record
from sluice.airflow.ended import begun
from sluice.airflow.log_fields import log_as
from sluice.airflow.project import run_config, run_of, verdicts
from sluice.airflow.triggers.refreshes import RefreshesIdleTrigger, describe, stale
from sluice.airflow.upstream import Watched, busy, failed, watched
from sluice.definition.models.export import Export
from sluice.definition.models.project import Staging
from sluice.definition.models.wait import Policy
from sluice.definition.start import begins, check_period, fresh_since
from sluice.errors import FatalError, Skipped, SluiceError
from sluice.model.run import Run


class WaitForRefreshesSensor(BaseSensorOperator):
    """Delays a run until it may start: within its schedule's dates, at its time in the stagger, when no refresh that it
    depends on is queued or running, and when the last refresh is as recent as the export requires.

    The reason for waiting is in the log, in the task's state store under `waiting`, and in the result
    of a run that has waited."""

    template_fields: Sequence[str] = ()
    ui_color = "#e6f1f2"

    def __init__(self, *, export: Export, refreshes: Sequence[str], staging: Staging, **kwargs: Any) -> None:
        super().__init__(poke_interval=export.wait.poll.total_seconds(), **kwargs)
        self.export = export
        self.refreshes = refreshes
        self.staging = staging

    def execute(self, context: Context) -> None:
        log_as(context, export=self.export.name)
        with verdicts():
            run = run_of(self.export, context)
            if run_config(self.export, context).verify:
                self.log.info("a delivery is verified: there is nothing to wait for")
                return
            self._begin(run, context)
            if run_config(self.export, context).resend:
                self.log.info("an earlier run is sent again: there is nothing to wait for")
                return
            check_period(self.export, run)
        begin = begins(self.export, run)
        refreshes = watched(self.refreshes, context, self.log)
        reason = f"its time in the stagger: {begin:%H:%M:%S} UTC" if begin > datetime.now(UTC) else ""
        reason = reason or self._reason(refreshes, run, context)
        if not reason:
            self.log.info("no refresh is queued or running: %s", ", ".join(self.refreshes) or "none is declared")
            metrics.waited(self.export.name, 0)
            self._go_on()
            return
        self._wait(reason, begin, run, refreshes, context)
        raise AssertionError("a deferred task continues in `resume`")

    def _begin(self, run: Run, context: Context) -> None:
        """Record that the run has started. If it does not report its end, the next run does."""
        from sluice.airflow.connections import TaskConnections
        from sluice.delivery.report.begun import Beginnings

        if run.dry_run:
            return
        try:
            Beginnings(self.staging, self.export.name, TaskConnections()).add(begun(str(run.id), context))
        except SluiceError as failed:
            self.log.warning("the start of this run was not recorded in staging: %s", failed.page())

    def resume(self, context: Context, event: dict[str, Any], waited_for: str) -> dict[str, str]:
        waiting: Any = context["task_state_store"].get("waiting")
        if waiting:
            since = datetime.fromisoformat(waiting["since"])
            metrics.waited(self.export.name, (datetime.now(UTC) - since).total_seconds())
        if event["status"] == "late":
            what = f"waited {self.export.wait.timeout} for {event['reason']}"
            self._decide(self.export.wait.on_timeout, what, "check that DAG, then clear this task")
        self._go_on()
        return {"waited_for": waited_for}

    def _reason(self, refreshes: Watched, run: Run, context: Context) -> str:
        """What the run is waiting for now; empty if it may continue."""
        if running := busy(refreshes, context):
            return describe(running)
        since = fresh_since(self.export, run)
        if since is None:
            return ""
        ended = record.last(record.SUCCEEDED)
        return stale(since, ended.at if ended else None)

    def _wait(self, reason: str, begin: datetime, run: Run, refreshes: Watched, context: Context) -> None:
        now = datetime.now(UTC)
        self.log.info("waiting for %s", reason)
        context["task_state_store"].set("waiting", {"for": reason, "since": now.isoformat()})
        since = fresh_since(self.export, run)
        self.defer(
            trigger=RefreshesIdleTrigger(
                refreshes,
                poll=self.poke_interval,
                begins=begin.isoformat(),
                deadline=(max(begin, now) + self.export.wait.timeout).isoformat(),
                fresh_since=since.isoformat() if since else None,
            ),
            method_name="resume",
            kwargs={"waited_for": reason},
        )

    def _go_on(self) -> None:
        """The last check before the run reads anything."""
        if names := failed(self.refreshes):
            what = f"the last run of {', '.join(names)} has failed"
            self._decide(self.export.wait.on_failed, what, "run the refresh again, then clear this task")

    def _decide(self, policy: Policy, what: str, next_step: str) -> None:
        with verdicts():
            match policy:
                case "fail":
                    raise FatalError(f"export {self.export.name}: {what}", next_step=next_step)
                case "skip":
                    raise Skipped(f"export {self.export.name}: {what}", next_step="nothing: the next run tries again")
                case "continue":
                    self.log.warning("%s: the run continues with the last good data", what)
