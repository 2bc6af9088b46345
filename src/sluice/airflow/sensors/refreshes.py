"""The task `wait_for_refreshes`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseSensorOperator, Context

from sluice.airflow import record
from sluice.airflow.ended import begun
from sluice.airflow.project import run_config, run_of, verdicts
from sluice.airflow.triggers.refreshes import RefreshesIdleTrigger, describe, stale
from sluice.airflow.upstream import Watched, busy, failed, watched
from sluice.definition.models.export import Export, Policy
from sluice.definition.models.project import Staging
from sluice.definition.start import begins, check_period, fresh_since
from sluice.errors import FatalError, Skipped, SluiceError
from sluice.model.run import Run

PATIENCE = 6
"""Seconds to look again before giving up the worker: being deferred and woken costs ten."""


class WaitForRefreshesSensor(BaseSensorOperator):
    """Holds a run back until it may begin: inside its schedule's dates, at its place in the stagger, and while no
    refresh that it depends on is queued or running; and until a refresh is as late as the export asks for.

    What it waits for stands in its log, in the task's state store under `waiting`, and in its result."""

    template_fields: Sequence[str] = ("refreshes",)
    ui_color = "#e6f1f2"

    def __init__(self, *, export: Export, refreshes: Sequence[str], staging: Staging, **kwargs: Any) -> None:
        super().__init__(poke_interval=export.wait.poll.total_seconds(), **kwargs)
        self.export = export
        self.refreshes = refreshes
        self.staging = staging

    def execute(self, context: Context) -> dict[str, str]:
        with verdicts():
            run = run_of(self.export, context)
            self._begin(run, context)
            if run_config(self.export, context).resend:
                self.log.info("what a former run has pinned is sent again: nothing is waited for")
                return {"waited_for": ""}
            check_period(self.export, run)
        begin = begins(self.export, run)
        refreshes = watched(self.refreshes, context, self.log)
        reason = f"its place in the stagger: {begin:%H:%M:%S} UTC" if begin > datetime.now(UTC) else ""
        for _ in range(0 if reason else PATIENCE):
            reason = self._reason(refreshes, run, context)
            if not reason:
                self.log.info("no refresh is queued or running: %s", ", ".join(self.refreshes) or "none is declared")
                return self._go_on("")
            time.sleep(1)
        self._wait(reason, begin, run, refreshes, context)
        raise AssertionError("a task that waits comes back in `resume`")

    def _begin(self, run: Run, context: Context) -> None:
        """Write down that the run has begun: should nobody say how it ended, the next run does."""
        from sluice.airflow.connections import AirflowConnections
        from sluice.delivery.report.begun import Beginnings

        if run.dry_run:
            return
        try:
            Beginnings(self.staging, self.export.name, AirflowConnections()).add(begun(str(run.id), context))
        except SluiceError as failed:
            self.log.warning("staging does not show that this run has begun: %s", failed.page())

    def resume(self, context: Context, event: dict[str, Any], waited_for: str) -> dict[str, str]:  # noqa: ARG002
        if event["status"] == "late":
            what = f"waited {self.export.wait.timeout} for {event['reason']}"
            self._decide(self.export.wait.on_timeout, what, "look at that DAG; then clear this task")
        return self._go_on(waited_for)

    def _reason(self, refreshes: Watched, run: Run, context: Context) -> str:
        """What the run waits for now; empty where it may go on."""
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

    def _go_on(self, waited_for: str) -> dict[str, str]:
        """The last look before the run reads anything."""
        if names := failed(self.refreshes):
            what = f"the last run of {', '.join(names)} has failed"
            self._decide(self.export.wait.on_failed, what, "run the refresh again; then clear this task")
        return {"waited_for": waited_for}

    def _decide(self, policy: Policy, what: str, next_step: str) -> None:
        with verdicts():
            match policy:
                case "fail":
                    raise FatalError(f"export {self.export.name}: {what}", next_step=next_step)
                case "skip":
                    raise Skipped(f"export {self.export.name}: {what}", next_step="nothing: the next run tries again")
                case "continue":
                    self.log.warning("%s: the run goes on with the last good data", what)
