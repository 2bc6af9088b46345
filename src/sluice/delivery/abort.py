"""Abort: remove by name what an unpublished run has left at the destination. A run that is decided is published
instead; of a published run, only unfinished uploads are removed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from sluice.delivery.chunk import Shards
from sluice.delivery.cleaning.leftovers import leftovers, names_of
from sluice.delivery.commit.commit import Commit
from sluice.delivery.commit.committing import commit_of
from sluice.delivery.commit.names import Names
from sluice.delivery.export_log import log_failure
from sluice.delivery.publish.delivered import Delivery, report_of
from sluice.delivery.report.history import History
from sluice.delivery.staging import Stage, StagedRun
from sluice.destinations.base import Destination
from sluice.destinations.lookup import find
from sluice.errors import FatalError, RetriableError, UnknownOutcomeError
from sluice.model.access import Connections
from sluice.plan.model import Plan


class Aborted(BaseModel):
    """The state of a run that is over, and what was removed."""

    model_config = ConfigDict(frozen=True)

    published: bool
    removed: int = 0
    """Parts removed from the destination."""
    uploads: int = 0
    """Unfinished uploads discarded."""
    left: str = ""
    """Why unfinished uploads could not be discarded; empty if they were."""
    unfinished: str = ""
    """Why a decided run is not published yet. Its parts stay; the next run or `sluice clean` publishes it."""


PAUSES = (0.25, 0.25, 0.5, *(1.0 for _ in range(14)))
"""Seconds between checks whether the run's uploads have stopped. Airflow asks a task to stop up to ten seconds after
the run was ended, and kills it five seconds later."""


def abort(
    staged: StagedRun,
    connections: Connections,
    now: datetime,
    *,
    later: bool = False,
    last: bool = False,
    why: str = "",
) -> Aborted:
    """Remove this run's parts unless it is published or decided. Touches only names that its plan computes.

    Starts when the run's uploads have stopped, at the latest after 15 seconds. `later` means that another process
    calls this after the run's own teardown: it finds what a cancelled task has sent meanwhile, and closes the run's
    log, unless an upload has not reported that it stopped. With `last`, it closes the log in any case. `why` is the
    reason that the log of the export gets.
    """
    stage = staged.open(connections)
    plan = stage.find("plan", Plan)
    if plan is None or plan.run.dry_run:
        return Aborted(published=False)
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination:
        commit = commit_of(plan, stage, destination, connections, pauses=() if later else PAUSES)
        names = Names(plan, destination, connections)
        done = _settle(plan, stage, destination, commit, names, later=later, last=last)
        address = destination.locate(plan.manifest)
    _report(plan, stage, connections, done, address, now)
    if not (done.published or done.unfinished):
        _log(plan, stage, connections, why, now)
    return done


def _settle(
    plan: Plan, stage: Stage, destination: Destination, commit: Commit, mine: Names, *, later: bool, last: bool
) -> Aborted:
    def names() -> list[str]:
        """Another run may have the same names: only what this one has claimed is its own."""
        return sorted({*names_of(plan, stage, mine.held()), *leftovers(stage)})

    removed: list[Aborted] = []
    try:  # Read the names after `aborting` is in the log: from then on, no process stages others.
        state, quiet = commit.abort(lambda: removed.append(_remove(names(), destination)))
    except (RetriableError, UnknownOutcomeError, FatalError) as refused:
        if not commit.log.state().decided:
            raise
        return Aborted(published=False, unfinished=refused.page())
    if state.act == "published":
        done = _discard(names(), destination).model_copy(update={"published": True})
    else:
        done = removed[0] if removed else Aborted(published=False)
    if done.published or (later and (quiet or last)):
        commit.close(state)
    return done


def _remove(names: Sequence[str], destination: Destination) -> Aborted:
    done = _discard(names, destination)
    present = find(names, destination)
    destination.remove(present)
    return done.model_copy(update={"removed": len(present)})


def _discard(names: Sequence[str], destination: Destination) -> Aborted:
    """Discard unfinished uploads. Readers do not see them, so a missing permission to list them is not an error."""
    try:
        return Aborted(published=False, uploads=destination.abort(names))
    except FatalError as refused:
        return Aborted(published=False, left=refused.page())


def _log(plan: Plan, stage: Stage, connections: Connections, why: str, now: datetime) -> None:
    """Write the log of a run that has published nothing, over one that `publish` may have left."""
    known = History(plan.staging, plan.export.name, connections).find(str(plan.run.id)) if plan.export.log else None
    reason = why or (known.why if known else "the run ended before it could send anything")
    log_failure(plan, stage, connections, known.outcome if known else "failed", reason, now)


def _report(plan: Plan, stage: Stage, connections: Connections, done: Aborted, address: str, now: datetime) -> None:
    """Report what `publish` could not: that the run failed before it, or that another process has published it."""
    history = History(plan.staging, plan.export.name, connections)
    known = history.find(str(plan.run.id))
    said = known.outcome if known else None
    if done.published and said != "published":
        delivery = Delivery.of(plan, stage) if stage.find("shards", Shards) else None
        history.keep(report_of(plan, stage, delivery, "published", address, now, "published after `publish` had ended"))
    elif done.unfinished and said is None:
        why = "the run is decided, but its manifest could not be written yet"
        history.keep(report_of(plan, stage, None, "unknown", address, now, why))
    elif not (done.published or done.unfinished) and said in (None, "unknown") and stage.find("shards", Shards):
        why = f"the run ended before it could publish; {done.removed:,} parts were removed"
        history.keep(report_of(plan, stage, None, "failed", address, now, why))
