"""The list of exports, and one export in detail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.access.may import may
from sluice.access.verbs import VERBS
from sluice.definition.edit.store import Stored
from sluice.definition.edit.write import shown
from sluice.definition.models.export import Export
from sluice.delivery.steps import explained
from sluice.errors import SluiceError
from sluice.overview.choose import Chosen, choose
from sluice.overview.detail import FeedView, feeds, followers, next_runs, plan_now
from sluice.overview.row import ExportRow, Rights
from sluice.page.asking import Allowed, WorldDep
from sluice.page.problem import Problem, problem_of
from sluice.page.shown import editable, values
from sluice.page.world import World

router = APIRouter(tags=["exports"])
Viewer = Annotated[Actor, Depends(Allowed("view-exports"))]


class ExportList(BaseModel):
    """One page of exports."""

    rows: list[ExportRow]
    total: int
    """The number of exports on all pages."""
    counts: dict[str, dict[str, int]]
    """For `status`, `connection` and `kind`: the number of exports with each value, whatever the filters are."""


@router.get("/exports")
def exports(
    actor: Viewer,
    world: WorldDep,
    *,
    search: str = "",
    status: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    connection: Annotated[list[str], Query()] = [],  # noqa: B006
    kind: Annotated[list[str], Query()] = [],  # noqa: B006
    mine: bool = False,
    sort: str = "name",
    descending: bool = False,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ExportList:
    """Exports that match all filters. Without a sort field, by name."""
    rights = Rights(actor, world.project.connections)
    chosen = Chosen(search, status, connection, kind, mine, sort, descending, offset, limit)
    page = choose(world.rows(), chosen, rights.edits)
    rows = [rights.of(row) for row in page.rows]
    return ExportList(rows=rows, total=page.total, counts={k: dict(v) for k, v in page.counts.items()})


class ExportDetail(BaseModel):
    """One export, as declared and as it would run now."""

    row: ExportRow
    description: str = ""
    text: str
    """The declaration's YAML. A comment replaces a text that may contain a secret."""
    tag: str
    """The version of the text, to be sent with a change."""
    hidden: Problem | None = None
    """Why the text is not shown and cannot be edited."""
    file: str
    """Its path, below the folder of all declarations."""
    values: dict[str, Any] = {}
    """The YAML as a value; empty if it cannot be read."""
    errors: list[Problem] = []
    warnings: list[Problem] = []
    plan: str = ""
    """What `sluice plan` prints; empty if the export cannot run."""
    feeds: list[FeedView] = []
    refreshes: list[str] = []
    """The refreshes that a run waits for."""
    follows: list[str] = []
    """The exports that run after this one."""
    next_runs: list[datetime] = []
    """The next five, for a schedule by the clock that is on."""
    may: list[str]
    """The verbs on this export that the user may do. `edit-export` of a detached one: may attach it to a connection."""


@router.get("/exports/{name}")
def export(name: str, actor: Viewer, world: WorldDep) -> ExportDetail:
    """One export, valid or not."""
    stored, loaded, now = world.store.get("export", name), world.declared.loaded, datetime.now(UTC)
    subject = world.subject("export", name)
    detail = ExportDetail(
        row=Rights(actor, loaded.project.connections).of(world.row(name)),
        text=shown(stored.body) or "",
        tag=stored.tag,
        hidden=_hidden(stored),
        file=str(stored.path.relative_to(world.include)),
        values=values(stored.body),
        errors=[problem_of(error) for error in loaded.broken.get(name, ())],
        warnings=[problem_of(one) for one in loaded.warnings if one.place and one.place.file == str(stored.path)],
        follows=followers(loaded.project, name),
        may=[verb.name for verb in VERBS.values() if verb.on == "export" and may(actor, verb.name, subject)],
    )
    if declared := loaded.project.exports.get(name):
        detail.next_runs = next_runs(declared, now) if declared.enabled else []
        _planned(detail, world, declared, now)
    if name in loaded.project.detached and detail.row.may == "edit" and "edit-export" not in detail.may:
        detail.may.append("edit-export")  # to attach it
    if valid := declared or loaded.project.detached.get(name):
        detail.description = valid.description
    return detail


def _planned(detail: ExportDetail, world: World, declared: Export, now: datetime) -> None:
    """Add what a run would do now. If a run would fail already, its error is among the errors."""
    try:
        plan = plan_now(world.declared.loaded.project, declared, now)
    except SluiceError as error:
        detail.errors.append(problem_of(error))
        return
    detail.plan, detail.refreshes = explained(plan), list(plan.refreshes)
    detail.feeds = list(feeds(plan, world.connections))


def _hidden(stored: Stored) -> Problem | None:
    try:
        editable(stored)
    except SluiceError as error:
        return problem_of(error)
    return None
