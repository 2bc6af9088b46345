"""Abort: what an unpublished run leaves at the destination is removed, by name; of a published one nothing but what was
never finished."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from sluice.delivery.chunk import Shards
from sluice.delivery.cleaning.hold import Hold
from sluice.delivery.cleaning.leftovers import leftovers, names_of, present_of
from sluice.delivery.publishing.delivered import Delivery, report_of
from sluice.delivery.publishing.history import History
from sluice.delivery.publishing.manifest import Manifest
from sluice.delivery.staging import Stage, StagedRun
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.model.access import Connections
from sluice.plan.model import Plan


class Aborted(BaseModel):
    """What was found of a run that is over, and what was done about it."""

    model_config = ConfigDict(frozen=True)

    published: bool
    removed: int = 0
    """Parts removed from the destination."""
    uploads: int = 0
    """Unfinished uploads discarded."""
    left: str = ""
    """Why those of a published run were not."""
    in_doubt: bool = False
    """The manifest's write had begun and was not answered, and the manifest is not there: nothing was removed, for it
    may yet arrive. A later run looks again."""


class Settled(BaseModel):
    """Staged once it is certain what has become of a run; it holds for as long as nobody else takes the run up."""

    model_config = ConfigDict(frozen=True)

    token: str
    """Of the hold that settled it."""
    published: bool
    final: bool
    """False after a run's own teardown has removed its parts: a task that was cancelled may still have sent one since,
    so a later run looks once more."""


def abort(staged: StagedRun, connections: Connections, now: datetime, *, later: bool = False) -> Aborted:
    """Remove this run's parts unless its manifest is there. Only names that this run's plan computes are touched.

    `later` says that another run has begun since: what was in doubt is not waited for any longer.
    """
    stage = staged.open(connections)
    plan = stage.find("plan", Plan)
    if plan is None or plan.run.dry_run:
        return Aborted(published=False)
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination:
        hold = Hold(stage, "abort")
        done = _settle(plan, stage, destination, in_doubt=hold.in_doubt and not later)
        address = destination.locate(plan.manifest)
    if not (done.in_doubt or done.published):
        hold.release()
    if not done.in_doubt:
        stage.write("settled", Settled(token=hold.token, published=done.published, final=later or done.published))
    _report(plan, stage, connections, done, address, now)
    return done


def _settle(plan: Plan, stage: Stage, destination: Destination, *, in_doubt: bool) -> Aborted:
    names = sorted({*names_of(plan, stage), *leftovers(stage)})
    if stage.find("manifest", Manifest) or destination.stat(plan.manifest) is not None:
        return _of_killed_tries(names, destination)
    if in_doubt:
        return Aborted(published=False, in_doubt=True)
    uploads = destination.abort(names)
    present = present_of(names, destination)
    destination.remove(present)
    return Aborted(published=False, removed=len(present), uploads=uploads)


def _of_killed_tries(names: Sequence[str], destination: Destination) -> Aborted:
    """A published run's. The delivery is whole with them: that they may not be listed is told, and fails nothing."""
    try:
        return Aborted(published=True, uploads=destination.abort(names))
    except FatalError as refused:
        return Aborted(published=True, left=refused.page())


def _report(plan: Plan, stage: Stage, connections: Connections, done: Aborted, address: str, now: datetime) -> None:
    """What `publish` did not come to say: that a run failed before it, or that one in doubt was published after all."""
    history = History(plan.staging, plan.export.name, connections)
    known = history.find(str(plan.run.id))
    said = known.outcome if known else None
    if done.published and said != "published":
        delivery = Delivery.of(plan, stage) if stage.find("shards", Shards) else None
        history.keep(report_of(plan, stage, delivery, "published", address, now, "told by its manifest alone"))
    elif done.in_doubt and said is None:
        why = "it ended while its manifest was written, and the manifest is not there"
        history.keep(report_of(plan, stage, None, "unknown", address, now, why))
    elif not (done.published or done.in_doubt) and said in (None, "unknown") and stage.find("shards", Shards):
        why = f"it ended before it could publish; {done.removed:,} parts were removed"
        history.keep(report_of(plan, stage, None, "failed", address, now, why))
