"""Who asks: their rights that do not depend on an export or connection."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.access.may import CATALOG, PROJECT, may
from sluice.definition.models.project import Edits
from sluice.page.asking import Allowed, WorldDep

router = APIRouter(tags=["me"])


class Me(BaseModel):
    """The user of the request."""

    name: str
    administrator: bool
    roles: list[str]
    edits: Edits
    """How declarations are stored: a change of `read-only` ones comes back as a patch."""
    may: list[str]
    """The verbs on the project and the catalog that the user may do; administrators also `create-connection`."""


@router.get("/me")
def me(actor: Annotated[Actor, Depends(Allowed("view-datasets"))], world: WorldDep) -> Me:
    """The user of the request."""
    project = ("edit-settings", "import-workbench", "check-installation", "view-usage", "view-audit")
    verbs = [verb for verb in project if may(actor, verb, PROJECT)]
    verbs += [verb for verb in ("view-datasets", "edit-catalog", "run-refresh") if may(actor, verb, CATALOG)]
    return Me(
        name=actor.name,
        administrator=actor.administrator,
        roles=sorted(actor.roles),
        edits=world.settings.edits,
        may=[*verbs, *(["create-connection"] if actor.administrator else [])],
    )


@router.get("/openapi.json", include_in_schema=False, dependencies=[Depends(Allowed("view-datasets"))])
def description(request: Request) -> dict[str, Any]:
    """The description of this API."""
    found: dict[str, Any] = request.app.openapi()
    return found
