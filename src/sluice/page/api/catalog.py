"""The catalog: datasets and segments, what uses them, how many rows they have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.access.may import may
from sluice.columns.schemas import read_schemas
from sluice.definition.edit.store import MissingError
from sluice.definition.errors.problem import unknown
from sluice.model.guardrail import Finding, Verdict
from sluice.overview.eligible import Offer, offers
from sluice.page.asking import Allowed, WorldDep
from sluice.page.dependencies import refreshed_at, uses
from sluice.page.world import World
from sluice.refresh.membership import over_time
from sluice.refresh.order import order

DEADLINE = 10.0
"""The most seconds for reading the columns of a source."""
router = APIRouter(tags=["catalog"])
Viewer = Annotated[Actor, Depends(Allowed("view-datasets"))]


class Column(BaseModel):
    """A column of a dataset."""

    name: str
    type: str = ""


class DatasetView(BaseModel):
    """A dataset."""

    name: str
    title: str = ""
    description: str = ""
    kind: str
    source: str
    """The type of its source."""
    key: str = ""
    exports: list[str]
    """The exports that deliver it, or a segment of it."""
    segments: list[str]
    refreshed: datetime | None = None
    refreshed_by: str = ""


class FindingView(BaseModel):
    """What a guardrail says."""

    verdict: Verdict
    says: str

    @classmethod
    def of(cls, found: Finding) -> FindingView:
        return cls(verdict=found.verdict, says=found.what)


class SegmentView(BaseModel):
    """A segment."""

    name: str
    title: str = ""
    description: str = ""
    dataset: str
    kind: str
    """Of its dataset: what connections accept."""
    delivers: str
    """The dataset whose rows are delivered: that of its accounts' contacts if the connection takes no accounts."""
    eligible: bool = True
    """Whether the connection takes it; true without a connection."""
    findings: list[FindingView] = []
    """What the guardrails say of its members at the connection: that they are too many, too few, or nearly too many."""
    rule: str
    members: int | None = None
    """Of its last refresh; None if it has not been refreshed."""
    before: int | None = None
    """Of the refresh before."""
    refreshed: datetime | None = None
    reads: list[str] = []
    """Other segments that it is made of."""
    exports: list[str]


class MembersAt(BaseModel):
    """The members of a segment at one refresh."""

    at: datetime
    members: int


class Columns(BaseModel):
    """The columns of a dataset, read from its source."""

    columns: list[Column]


@router.get("/catalog/datasets")
def datasets(actor: Viewer, world: WorldDep) -> list[DatasetView]:  # noqa: ARG001
    """Every dataset."""
    project, used = world.project, uses(world.project)
    refreshed = refreshed_at(project)
    return [
        DatasetView(
            name=one.name,
            description=one.description,
            kind=one.kind,
            source=one.source.type,
            key=one.key,
            exports=used.exports("dataset", one.name),
            segments=sorted(name for name, segment in project.segments.items() if segment.dataset == one.name),
            refreshed=refreshed.get(one.refreshed_by or ""),
            refreshed_by=one.refreshed_by or "",
        )
        for one in project.datasets.values()
    ]


@router.get("/catalog/datasets/{dataset}/columns")
def columns(dataset: str, actor: Viewer, world: WorldDep) -> Columns:  # noqa: ARG001
    """The columns of a dataset. Reads its source."""
    declared = world.project.datasets.get(dataset)
    if declared is None:
        problem = unknown((), dataset, sorted(world.project.datasets), f"there is no dataset {dataset}")
        raise MissingError(problem.what, nearest=problem.nearest, next_step="choose a dataset of the catalog")
    found = read_schemas([declared], world.connections, deadline=DEADLINE)
    if dataset in found.unread:
        raise found.unread[dataset]
    return Columns(columns=[Column(name=one.name, type=str(one.type)) for one in found.known[dataset].schema])


@router.get("/catalog/segments")
def segments(actor: Viewer, world: WorldDep, connection: str = "", *, split: bool = False) -> list[SegmentView]:
    """Every segment. With a connection that the actor sees: whether it takes the segment, and what the guardrails say
    of the segment's size. `split`: for an export that splits segments over the limit."""
    project, used, members = world.project, uses(world.project), world.members()
    offered = _offers(connection, actor, world, split=split)
    views = []
    for name in order(project):
        one, counted, offer = project.segments[name], members.get(name), offered.get(name)
        views.append(
            SegmentView(
                name=name,
                description=one.description,
                dataset=one.dataset,
                kind=project.datasets[one.dataset].kind,
                delivers=offer.dataset.name if offer else one.dataset,
                eligible=offer is None or offer.eligible,
                findings=[FindingView.of(found) for found in offer.findings] if offer else [],
                rule=one.where or one.sql or "",
                members=counted.records if counted else None,
                before=counted.before if counted else None,
                refreshed=counted.refreshed if counted else None,
                reads=[read for read in one.reads if read in project.segments],
                exports=used.exports("segment", name),
            )
        )
    return views


def _offers(name: str, actor: Actor, world: World, *, split: bool) -> dict[str, Offer]:
    """The segments as a connection would get them; empty if there is no such connection, or the actor does not see its
    limits."""
    connection = world.project.connections.get(name)
    if connection is None or not may(actor, "view-connection", world.subject("connection", name)):
        return {}
    members = {segment: counted.records for segment, counted in world.members().items()}
    return offers(world.project, connection, members, datetime.now(UTC), split=split)


@router.get("/catalog/segments/{segment}/members")
def members(segment: str, actor: Viewer, world: WorldDep) -> list[MembersAt]:  # noqa: ARG001
    """The members of a segment at its last refreshes, oldest first."""
    project = world.project
    if segment not in project.segments:
        problem = unknown((), segment, sorted(project.segments), f"there is no segment {segment}")
        raise MissingError(problem.what, nearest=problem.nearest, next_step="choose a segment of the catalog")
    found = over_time(project.settings.staging, segment, world.connections)
    return [MembersAt(at=one.at, members=one.records) for one in found]
