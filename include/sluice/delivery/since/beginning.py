"""The beginning of a run: what of its former tries still stands, and which delivery it follows."""

from __future__ import annotations

from contextlib import closing

from sluice.delivery.cleaning.leftovers import names_of, remember
from sluice.delivery.feed.extracted import FeedExtract
from sluice.delivery.feed.opened import source_of
from sluice.delivery.since.succession import Succession
from sluice.delivery.since.watermark import Basis, Watermarks
from sluice.delivery.staging import Stage
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.model.access import Connections
from sluice.plan.model import Plan


def begin(plan: Plan, stage: Stage, connections: Connections, watermarks: Watermarks) -> Basis | None:
    """Stage the plan and what an incremental run starts from; None for exports that deliver everything.

    What a former try has pinned is dropped where the declarations have changed since, or another delivery was
    published. A run that has published itself is left as it is: raises `FatalError` where it can no longer deliver the
    same rows.
    """
    before = stage.find("plan", Plan)
    same = before is not None and _same(before, plan)
    if plan.export.mode == "full":
        with _destination(plan, connections) as destination:
            published = _is_published(plan, destination)
        if published:
            _must_stand(plan, stage, connections, same=same)
        elif not same:
            _afresh(plan, before, stage)
        return None
    succession = Succession(plan, connections, watermarks)
    known = stage.find("basis", Basis)
    with _destination(plan, connections) as destination:
        basis = Basis() if plan.run.window else succession.basis(destination)
        if _is_published(plan, destination):
            _must_stand(plan, stage, connections, same=same and known is not None)
            return known
    tried = before is not None and before.run.run_id == plan.run.run_id
    if not (same and tried) or known is None or known.previous != basis.previous:
        _afresh(plan, before, stage)
        stage.write("basis", basis)
    return stage.read("basis", Basis)


def _same(before: Plan, plan: Plan) -> bool:
    asked = (plan.definition_hash, plan.run.mode, plan.run.only)
    return (before.definition_hash, before.run.mode, before.run.only) == asked


def _is_published(plan: Plan, destination: Destination) -> bool:
    return not plan.run.dry_run and destination.stat(plan.manifest) is not None


def _must_stand(plan: Plan, stage: Stage, connections: Connections, *, same: bool) -> None:
    """What was published under this run's names is sent again as it was, or not: its manifest lists the bytes."""
    if not same or not all(_stands(plan, feed.name, stage, connections) for feed in plan.feeds):
        raise FatalError(
            f"{plan.manifest} has been published, and what it delivered can no longer be read as it was, or is declared"
            " otherwise now: nothing is changed",
            next_step="remove that manifest to deliver this slice of time anew"
            if plan.run.window
            else "trigger a new run: it delivers what is there now",
        )


def _stands(plan: Plan, feed: str, stage: Stage, connections: Connections) -> bool:
    extract = stage.find(f"extract/{feed}", FeedExtract)
    return extract is not None and source_of(plan.feed(feed), extract, connections).intact(extract.pinned)


def _afresh(plan: Plan, before: Plan | None, stage: Stage) -> None:
    if before is not None:
        remember(names_of(before, stage), stage)
    for folder in ("extract", "selection", "spool", "changes", "pieces", "sent"):
        stage.opened.remove_tree(folder)
    stage.write("plan", plan)


def _destination(plan: Plan, connections: Connections) -> closing[Destination]:
    connection = plan.connection
    return closing(connection.destination.open(connections, name=connection.name, threads=4))
