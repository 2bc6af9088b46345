"""The watermark of an incremental export."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.page.asking import Allowed, WorldDep
from sluice.page.loopback import AirflowDep
from sluice.page.marks import mark_of, move

router = APIRouter(tags=["watermark"])
Viewer = Annotated[Actor, Depends(Allowed("view-exports"))]


class Watermark(BaseModel):
    """Where the next incremental run starts, for each feed."""

    value: dict[str, Any] | None
    """The position of each feed; None if the next run delivers everything."""
    text: dict[str, str] = {}
    """For each feed, the position in words."""
    incremental: bool = True
    """Whether the export delivers only what is new. Otherwise it has no watermark."""


class NewWatermark(BaseModel):
    """Another watermark. None: the next run delivers everything."""

    value: dict[str, Any] | None
    seen: dict[str, Any] | None
    """The watermark that the user saw: another one now is refused."""


@router.get("/exports/{name}/watermark")
def watermark(name: str, actor: Viewer, world: WorldDep) -> Watermark:  # noqa: ARG001
    """The watermark of an incremental export."""
    return Watermark(**mark_of(world, name))


@router.put("/exports/{name}/watermark")
def set_watermark(
    name: str,
    body: NewWatermark,
    actor: Annotated[Actor, Depends(Allowed("set-watermark"))],
    world: WorldDep,
    airflow: AirflowDep,
) -> Watermark:
    """Change the watermark. Rows may be delivered twice, or never."""
    move(world, actor, airflow, name, body.value, body.seen)
    return Watermark(**mark_of(world, name))
