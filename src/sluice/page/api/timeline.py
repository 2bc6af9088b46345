"""What happened to an export."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from sluice.access.actor import Actor
from sluice.page.asking import Allowed, WorldDep
from sluice.page.events import Timeline, timeline_of

router = APIRouter(tags=["timeline"])
Viewer = Annotated[Actor, Depends(Allowed("view-exports"))]


@router.get("/exports/{name}/timeline")
def timeline(
    name: str,
    actor: Viewer,  # noqa: ARG001
    world: WorldDep,
    before: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Timeline:
    """What happened to an export: runs, edits, actions."""
    return timeline_of(world, name, before, limit)
