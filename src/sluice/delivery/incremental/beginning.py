"""Start a run: decide what is still valid from earlier attempts, and which delivery the run follows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial

from sluice.delivery.cleaning.leftovers import names_of, remember
from sluice.delivery.commit.commit import Commit
from sluice.delivery.commit.committing import commit_of, with_hand_over
from sluice.delivery.commit.names import Names
from sluice.delivery.commit.run_log import State
from sluice.delivery.commit.schema_1 import recall
from sluice.delivery.commit.watermark import Basis, Watermarks
from sluice.delivery.export_log import log_of
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.opened import source_of
from sluice.delivery.staging import Stage, delivered_before
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.model.access import Connections
from sluice.plan.model import Plan


def begin(plan: Plan, stage: Stage, connections: Connections, watermarks: Watermarks) -> Basis | None:
    """Open the run and stage its plan and its basis. Returns the basis; None for exports that deliver everything.

    Discards what an earlier attempt has pinned if the declarations have changed, or if another delivery was published
    since. A published run is left unchanged: raises `FatalError` if it can no longer deliver the same rows.
    """
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination:
        commit = commit_of(plan, stage, destination, connections)
        beginning = _Beginning(plan, stage, connections, watermarks, destination, commit)
        while not beginning.continues(state := commit.log.state()):
            outdated = beginning.outdated(state)
            if (opened := commit.open(state)) is None:
                continue
            # Open the run again: a `publish` that has read the replaced extract then fails.
            if not outdated or not beginning.replace() or commit.open(opened) is not None:
                break
    return None if plan.export.mode == "full" else stage.read("basis", Basis)


@dataclass
class _Beginning:
    """The run as it is staged, read again whenever another process has appended to its log."""

    plan: Plan
    stage: Stage
    connections: Connections
    watermarks: Watermarks
    destination: Destination
    commit: Commit

    def continues(self, state: State) -> bool:
        """Whether the run continues as staged, without being opened. Raises `FatalError` if it is published and cannot
        deliver the same rows."""
        if self._is_published(state):
            self._check_unchanged()
            self._correct_hand_over()
            return True
        return state.act == "open" and not self.outdated(state)

    def outdated(self, state: State) -> bool:
        """Whether the rows that an earlier attempt has pinned have to be replaced."""
        before = self.stage.find("plan", Plan)
        if before is None or not _same(before, self.plan) or state.act == "published":
            return True
        if self.plan.export.mode == "full":
            return False
        known = self.stage.find("basis", Basis)
        same_run = before.run.run_id == self.plan.run.run_id
        return not same_run or known is None or known.number != self._basis().number

    def replace(self) -> bool:
        """Remove what an earlier attempt has pinned, and stage this plan. Whether there was an earlier attempt."""
        before = self.stage.find("plan", Plan)
        if before is not None:
            log = log_of(before, self.connections) if before.log != self.plan.log else None
            held = Names(before, self.destination, self.connections).held()
            remember([*names_of(before, self.stage, held), *([log] if log else [])], self.stage)
        for folder in ("extract", "selection", "spool", "changes", "pieces", "sent"):
            self.stage.opened.remove_tree(folder)
        if self.plan.export.mode != "full":
            self.stage.write("basis", self._basis())
        self.stage.write("plan", self.plan)
        return before is not None

    def _basis(self) -> Basis:
        if self.plan.run.window:
            return Basis(number=0)
        before = delivered_before(self.plan.staging, self.plan.export.name, self.connections)
        exists = partial(_exists, self.destination)
        last = recall(self.plan, self.commit.deliveries, self.watermarks, before, exists)
        if last is None or last.watermark is None:
            return Basis(number=last.number if last else 0)
        return Basis(number=last.number, previous=last.watermark.run, feeds=last.watermark.feeds)

    def _is_published(self, state: State) -> bool:
        """Whether the run is published or decided. If its manifest was removed, it is delivered again, unless other
        deliveries follow it: they start after its rows."""
        if state.act != "published" or self.plan.follows or not self.plan.connection.destination.stays:
            return state.decided
        return _exists(self.destination, self.plan.manifest)

    def _check_unchanged(self) -> None:
        """Raises `FatalError` unless the run would send the same bytes again, which its published manifest lists."""
        before = self.stage.find("plan", Plan)
        same = before is not None and _same(before, self.plan)
        same &= self.plan.export.mode == "full" or self.stage.find("basis", Basis) is not None
        if not same or not all(self._reads(feed.name) for feed in self.plan.feeds):
            raise FatalError(
                f"{self.plan.manifest} has been published, but its data can no longer be read, or its declaration has"
                " changed: nothing is changed at the destination",
                next_step="remove that manifest to deliver this slice of time again"
                if self.plan.run.window
                else "trigger a new run: it delivers the current data",
            )

    def _correct_hand_over(self) -> None:
        """A decided run may wait for a hand-over whose declaration was wrong."""
        before = self.stage.find("plan", Plan)
        if before is not None and before.connection.hand_over != self.plan.connection.hand_over:
            self.stage.write("plan", with_hand_over(before, self.plan.connection))

    def _reads(self, feed: str) -> bool:
        extract = self.stage.find(f"extract/{feed}", FeedExtract)
        return extract is not None and source_of(self.plan.feed(feed), extract, self.connections).intact(extract.pinned)


def _same(before: Plan, plan: Plan) -> bool:
    return _inputs(before) == _inputs(plan)


def _inputs(plan: Plan) -> list[object]:
    """What determines the delivery: declarations and run configuration. A hash of them would change with a version that
    adds keys with defaults. The connection's `takes`, `shared_with` and `hand_over` do not affect what is delivered.
    The default of `unfit_values` was a word in earlier versions."""
    connection = plan.connection.model_copy(update={"takes": (), "shared_with": (), "hand_over": None})
    rejects = plan.export.rejects.model_copy(update={"unfit_values": "reject" if plan.rejects_unfit else "fail"})
    export = plan.export.model_copy(update={"rejects": rejects})
    declared = [export, connection, *((feed.dataset, feed.segment, feed.through) for feed in plan.feeds)]
    return [*declared, *plan.lists.values(), plan.run.mode, plan.run.only]


def _exists(destination: Destination, name: str) -> bool:
    return destination.stat(name) is not None
