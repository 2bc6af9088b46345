"""Clean: what dead runs of an export have left behind, in staging and at the destination.

A machine that dies takes its run's teardown with it. So every run looks after the others of its export: those that
Airflow says are over. What it removes at the destination is named by the plan that each of them has staged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from sluice.definition.project import Staging
from sluice.delivery.abort import Aborted, Settled, abort
from sluice.delivery.cleaning.hold import Held
from sluice.delivery.staging import Stage, StagedRun
from sluice.errors import SluiceError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.plan.model import Plan


class Cleaned(BaseModel):
    """One run that was looked at, and what was done about it."""

    model_config = ConfigDict(frozen=True)

    run: str
    """In Airflow's words."""
    done: Aborted | None = None
    """None where nothing had to be done at the destination."""
    taken_back: bool = False
    """A manifest that arrived after the run's parts were removed is gone again."""
    pruned: bool = False
    """Its staging was removed."""
    error: str = ""
    """Why it was left as it is."""

    @property
    def sentence(self) -> str:
        """For a log."""
        if self.error:
            return f"run {self.run} could not be cleaned: {self.error}"
        acts = []
        if self.done:
            acts.append(f"{self.done.removed} parts and {self.done.uploads} unfinished uploads removed")
        if self.taken_back:
            acts.append("a manifest that came too late removed")
        if self.pruned:
            acts.append("its staging dropped")
        return f"run {self.run} is over: {', '.join(acts)}"


def clean_others(
    staged: StagedRun, connections: Connections, ended: Callable[[str], bool], now: datetime
) -> Iterator[Cleaned]:
    """What a run does for the others of its export."""
    plan = staged.open(connections).find("plan", Plan)
    if plan is not None:
        yield from Cleaner(plan.staging, plan.export.name, connections, ended).clean(now, but=str(plan.run.id))


class Cleaner:
    """Looks through the runs that an export has in staging, newest first."""

    def __init__(self, staging: Staging, export: str, connections: Connections, ended: Callable[[str], bool]) -> None:
        """`ended` tells of a run id of Airflow's whether that run is over."""
        self._staging = staging
        self._folder = f"{staging.path}/runs/{export}".lstrip("/")
        self._connections = connections
        self._ended = ended
        self._opened = open_filesystem(connections, staging.airflow_conn_id, self._folder)

    def clean(self, now: datetime, *, but: str | None = None) -> Iterator[Cleaned]:
        """Settle every run that is over and not settled, and drop the staging of all but the newest `staging.keep`.

        `but` is a flow run id that is left alone: whoever asks. What has failed for one run keeps no other from being
        cleaned. Yields the runs for which something was done."""
        for place, run in enumerate(self._runs()):
            if run == but:
                continue
            try:
                plan = self._stage(run).find("plan", Plan)
            except SluiceError as unreadable:
                yield Cleaned(run=run, error=unreadable.what)
                continue
            if plan is None or not self._ended(plan.run.run_id):
                continue
            cleaned = self._one(run, plan, now, prune=place >= self._staging.keep)
            if cleaned != Cleaned(run=plan.run.run_id):
                yield cleaned

    def due(self) -> Iterator[str]:
        """The run ids, in Airflow's words, of runs that are over and not settled: what `clean` would look into."""
        for run in self._runs():
            stage = self._stage(run)
            try:
                plan, settled = stage.find("plan", Plan), _settled(stage)
            except SluiceError:  # of another version: `clean` says so
                continue
            final = settled is not None and settled.final
            if plan is not None and not final and self._ended(plan.run.run_id):
                yield plan.run.run_id

    def _one(self, run: str, plan: Plan, now: datetime, *, prune: bool) -> Cleaned:
        name, stage = plan.run.run_id, self._stage(run)
        try:
            settled = _settled(stage)
            if settled is None or not settled.final:
                done = abort(self._staged(run), self._connections, now, later=True)
                cleaned = Cleaned(run=name, done=done if done.removed or done.uploads else None)
            else:
                cleaned = Cleaned(run=name, taken_back=not settled.published and self._take_back(plan))
            if prune:
                self._opened.remove_tree(run)
        except SluiceError as error:
            return Cleaned(run=name, error=error.what)
        return cleaned.model_copy(update={"pruned": prune})

    def _take_back(self, plan: Plan) -> bool:
        """A manifest that a sleeping `publish`, or a server, wrote after the run's parts were removed."""
        connection = plan.connection
        if plan.run.dry_run or not connection.destination.stays:
            return False
        with closing(connection.destination.open(self._connections, name=connection.name, threads=1)) as destination:
            late = destination.stat(plan.manifest) is not None
            if late:
                destination.remove([plan.manifest])
        return late

    def _runs(self) -> list[str]:
        """The flow run ids that have a plan in staging, newest first."""
        plans = [file for file in self._opened.list() if file.name.count("/") == 1 and file.name.endswith("/plan.json")]
        return [file.name.split("/")[0] for file in sorted(plans, key=lambda file: (-file.modified, file.name))]

    def _staged(self, run: str) -> StagedRun:
        return StagedRun(airflow_conn_id=self._staging.airflow_conn_id, folder=f"{self._folder}/{run}")

    def _stage(self, run: str) -> Stage:
        return Stage(self._opened.below(run))


def _settled(stage: Stage) -> Settled | None:
    """What is certain about the run; None where nothing is, or it was taken up again since."""
    settled, held = stage.find("settled", Settled), stage.find("hold", Held)
    return settled if settled is not None and held is not None and held.token == settled.token else None
