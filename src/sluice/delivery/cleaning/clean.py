"""Clean: remove what dead runs of an export have left behind, in staging and at the destination.

If a machine dies, so does the teardown of its run. So every run cleans up the other runs of its export that are over
according to Airflow. At the destination, it removes only names from the plan that each of them has staged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from sluice.definition.models.project import Staging
from sluice.delivery.abort import Aborted, abort
from sluice.delivery.commit.commit import drop
from sluice.delivery.commit.run_log import Entry, RunLog
from sluice.delivery.staging import Stage, StagedRun
from sluice.errors import FatalError, SluiceError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.plan.model import Plan


class Cleaned(BaseModel):
    """A run that was checked, and what was done."""

    model_config = ConfigDict(frozen=True)

    run: str
    """Its Airflow run id; its flow run id if its plan cannot be read."""
    done: Aborted | None = None
    """None if nothing had to be done at the destination."""
    pruned: bool = False
    """Whether its staging was removed."""
    error: str = ""
    """Why it could not be cleaned; empty if it was."""

    @property
    def sentence(self) -> str:
        """The result as a log line."""
        if self.error:
            return f"run {self.run} could not be cleaned: {self.error}"
        acts = []
        if self.done:
            acts += ["published"] if self.done.published else []
            acts.append(f"{self.done.removed} parts and {self.done.uploads} unfinished uploads removed")
        if self.pruned:
            acts.append("its staging removed")
        return f"run {self.run} is over: {', '.join(acts)}"


class Cleaner:
    """Cleans the runs of one export that are in staging, newest first."""

    def __init__(self, staging: Staging, export: str, connections: Connections, ended: Callable[[str], bool]) -> None:
        """`ended` says for an Airflow run id whether that run is over."""
        self._staging = staging
        self._folder = f"{staging.path}/runs/{export}".lstrip("/")
        self._connections = connections
        self._ended = ended
        self._opened = open_filesystem(connections, staging.airflow_conn_id, self._folder)

    def clean(self, now: datetime, *, but: str | None = None) -> Iterator[Cleaned]:
        """Clean every run that is over and not closed, and remove the staging of all but the newest `staging.keep`.

        `but` is the flow run id of the calling run, which is skipped. A failure in one run does not stop the others
        from being cleaned. Yields the runs for which something was done."""
        for place, run in enumerate(self._runs()):
            prune = place >= self._staging.keep
            if run == but or (not prune and self._closed(run)):
                continue
            try:
                plan = self._stage(run).find("plan", Plan)
            except SluiceError as unreadable:
                yield Cleaned(run=run, error=unreadable.what)
                continue
            if plan is None or not self._ended(plan.run.run_id):
                continue
            cleaned = self._one(run, plan, now, prune=prune)
            if cleaned != Cleaned(run=plan.run.run_id):
                yield cleaned

    def due(self) -> Iterator[str]:
        """The Airflow run ids of runs that are over and not closed, which `clean` would clean."""
        for run in self._runs():
            stage = self._stage(run)
            try:
                plan, state = stage.find("plan", Plan), RunLog(stage.opened.below("log")).state()
            except SluiceError:  # written by another version: `clean` reports it
                continue
            if plan is not None and not plan.run.dry_run and not state.closed and self._ended(plan.run.run_id):
                yield plan.run.run_id

    def _one(self, run: str, plan: Plan, now: datetime, *, prune: bool) -> Cleaned:
        name, stage = plan.run.run_id, self._stage(run)
        cleaned = Cleaned(run=name)
        try:
            log = RunLog(stage.opened.below("log"))
            if not log.state().closed:
                done = abort(self._staged(run), self._connections, now, later=True, last=prune)
                if done.unfinished:
                    return Cleaned(run=name, error=done.unfinished)
                cleaned = Cleaned(run=name, done=done if done.removed or done.uploads else None)
            if prune and self._drop(plan, log):
                self._opened.remove([f"{run}/plan.json"])  # first: without a plan, no process uses the rest of the log
                self._opened.remove_tree(run)
                cleaned = cleaned.model_copy(update={"pruned": True})
        except SluiceError as error:
            return Cleaned(run=name, error=error.page())
        return cleaned

    def _closed(self, run: str) -> bool:
        """Whether nothing is left to do for the run while it is kept. To read this is cheaper than to ask Airflow about
        each run, which every delivery would do."""
        with suppress(SluiceError):  # written by another version: reported with its plan
            return RunLog(self._stage(run).opened.below("log")).state().closed
        return False

    def _drop(self, plan: Plan, log: RunLog) -> bool:
        """Whether the run's staging may be removed. A dry run decides nothing, so it has no log to close."""
        return drop(log) or plan.run.dry_run

    def mark_stopped(self, run_id: str) -> int:
        """Record that no process of the run (an Airflow run id) is alive: processes that sent its parts or started to
        remove them, and never reported that they had stopped, count as stopped. Returns the number of those that
        removed.

        Raises `FatalError` if the run is not in staging."""
        for run in self._runs():
            stage, plan = self._stage(run), None
            with suppress(SluiceError):  # written by another version: another run, or one that cannot continue anyway
                plan = stage.find("plan", Plan)
            if plan is not None and plan.run.run_id == run_id:
                log = RunLog(stage.opened.below("log"))
                state = log.state()
                for by in state.removers:
                    log.append_always(state, Entry(act="stopped", by=by))
                stage.opened.remove_tree("sending")
                return len(state.removers)
        raise FatalError(f"staging holds nothing of run {run_id}", next_step="use the run id that Airflow shows")

    def _runs(self) -> list[str]:
        """The flow run ids that have a plan in staging, newest first."""
        plans = [file for file in self._opened.list() if file.name.count("/") == 1 and file.name.endswith("/plan.json")]
        return [file.name.split("/")[0] for file in sorted(plans, key=lambda file: (-file.modified, file.name))]

    def _staged(self, run: str) -> StagedRun:
        return StagedRun(airflow_conn_id=self._staging.airflow_conn_id, folder=f"{self._folder}/{run}")

    def _stage(self, run: str) -> Stage:
        return Stage(self._opened.below(run))
