"""The beginning of a run: what of its former tries still stands, and which delivery it follows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial

from sluice.delivery.cleaning.leftovers import names_of, remember
from sluice.delivery.commit.commit import Commit
from sluice.delivery.commit.committing import commit_of
from sluice.delivery.commit.run_log import State
from sluice.delivery.commit.schema_1 import recall
from sluice.delivery.commit.watermark import Basis, Watermarks
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.rows.opened import source_of
from sluice.delivery.staging import Stage, delivered_before
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.model.access import Connections
from sluice.plan.model import Plan


def begin(plan: Plan, stage: Stage, connections: Connections, watermarks: Watermarks) -> Basis | None:
    """Open the run, and stage the plan and what an incremental run starts from; None for exports that deliver
    everything.

    What a former try has pinned is dropped if the declarations have changed since, or another delivery was
    published. A run that is published is left as it is: raises `FatalError` if it can no longer deliver the same rows.
    """
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination:
        commit = commit_of(plan, stage, destination, connections)
        beginning = _Beginning(plan, stage, connections, watermarks, destination, commit)
        while not beginning.stands(state := commit.log.state()):
            afresh = beginning.afresh(state)
            if (opened := commit.open(state)) is None:
                continue
            # A `publish` that has read what is being replaced finds the run opened once more.
            if not afresh or not beginning.forget() or commit.open(opened) is not None:
                break
    return None if plan.export.mode == "full" else stage.read("basis", Basis)


@dataclass
class _Beginning:
    """What is found of the run, looked at again whenever another process has taken a step."""

    plan: Plan
    stage: Stage
    connections: Connections
    watermarks: Watermarks
    destination: Destination
    commit: Commit

    def stands(self, state: State) -> bool:
        """Whether the run goes on as it was staged: nothing is to be opened. Raises `FatalError` if it must, and
        cannot."""
        if self._is_published(state):
            self._must_stand()
            return True
        return state.act == "open" and not self.afresh(state)

    def afresh(self, state: State) -> bool:
        """Whether other rows are to be pinned than a former try has."""
        before = self.stage.find("plan", Plan)
        if before is None or not _same(before, self.plan) or state.act == "published":
            return True
        if self.plan.export.mode == "full":
            return False
        known = self.stage.find("basis", Basis)
        tried = before.run.run_id == self.plan.run.run_id
        return not tried or known is None or known.number != self._basis().number

    def forget(self) -> bool:
        """Remove what a former try has pinned, and stage this plan. Whether there was a former try."""
        before = self.stage.find("plan", Plan)
        if before is not None:
            remember(names_of(before, self.stage), self.stage)
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
        there = partial(_is_there, self.destination)
        last = recall(self.plan, self.commit.deliveries, self.watermarks, before, there)
        if last is None or last.watermark is None:
            return Basis(number=last.number if last else 0)
        return Basis(number=last.number, previous=last.watermark.run, feeds=last.watermark.feeds)

    def _is_published(self, state: State) -> bool:
        """Whether the run is published, or decided to be. Someone who has removed its manifest wants it made anew,
        unless deliveries follow it: theirs begin after its rows."""
        if state.act != "published" or self.plan.follows or not self.plan.connection.destination.stays:
            return state.decided
        return _is_there(self.destination, self.plan.manifest)

    def _must_stand(self) -> None:
        """What was published under this run's names is sent again as it was, or not: its manifest lists the bytes."""
        before = self.stage.find("plan", Plan)
        same = before is not None and _same(before, self.plan)
        same &= self.plan.export.mode == "full" or self.stage.find("basis", Basis) is not None
        if not same or not all(self._reads(feed.name) for feed in self.plan.feeds):
            raise FatalError(
                f"{self.plan.manifest} has been published, and what it delivered can no longer be read as it was, or is"
                " declared otherwise now: nothing is changed",
                next_step="remove that manifest to deliver this slice of time anew"
                if self.plan.run.window
                else "trigger a new run: it delivers what is there now",
            )

    def _reads(self, feed: str) -> bool:
        extract = self.stage.find(f"extract/{feed}", FeedExtract)
        return extract is not None and source_of(self.plan.feed(feed), extract, self.connections).intact(extract.pinned)


def _same(before: Plan, plan: Plan) -> bool:
    return _asked(before) == _asked(plan)


def _asked(plan: Plan) -> list[object]:
    """What was declared and asked for. The hash does not tell: a newer version declares more, with defaults. What a
    target takes, and who may use it, says nothing of what is delivered."""
    connection = plan.connection.model_copy(update={"takes": (), "shared_with": ()})
    declared = [plan.export, connection, *((feed.dataset, feed.segment) for feed in plan.feeds)]
    return [*declared, plan.run.mode, plan.run.only]


def _is_there(destination: Destination, name: str) -> bool:
    return destination.stat(name) is not None
