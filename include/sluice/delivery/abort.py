"""Abort: what an unpublished run leaves at the destination is removed, by name; a published one is not touched."""

from __future__ import annotations

from contextlib import closing

from pydantic import BaseModel, ConfigDict

from sluice.chunk.cut import chunks_of
from sluice.delivery.extracted import FeedExtract
from sluice.delivery.manifest import Manifest
from sluice.delivery.staging import Stage, StagedRun
from sluice.destinations.base import Destination
from sluice.model.access import Connections
from sluice.plan.model import Plan


class Aborted(BaseModel):
    """What the teardown found and did."""

    model_config = ConfigDict(frozen=True)

    published: bool
    removed: int = 0
    """Parts removed from the destination."""
    uploads: int = 0
    """Unfinished uploads discarded."""


def abort(staged: StagedRun, connections: Connections) -> Aborted:
    """Remove this run's parts unless its manifest is there. Only names that this run's plan computes are touched."""
    stage = staged.open(connections)
    plan = stage.find("plan", Plan)
    if plan is None:
        return Aborted(published=False)
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=4)) as destination:
        if stage.find("manifest", Manifest) or destination.stat(plan.manifest) is not None:
            return Aborted(published=True)
        names = _names(plan, stage)
        uploads = destination.abort(names)
        present = _present(plan, set(names), destination)
        destination.remove(present)
    return Aborted(published=False, removed=len(present), uploads=uploads)


def _names(plan: Plan, stage: Stage) -> list[str]:
    names: list[str] = []
    for feed in plan.feeds:
        extract = stage.find(f"extract/{feed.name}", FeedExtract)
        if extract is not None:
            size = plan.export.chunks.records
            chunks = chunks_of(extract.records, size, 0, -(-extract.records // size))
            names += [plan.part_name(feed, chunk.number) for chunk in chunks]
    return names


def _present(plan: Plan, names: set[str], destination: Destination) -> list[str]:
    folders = {feed.folder for feed in plan.feeds}
    return sorted({stored.name for folder in folders for stored in destination.list(folder)} & names)
