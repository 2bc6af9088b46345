"""Who asks, and whether they may: the dependency of every route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request

from sluice.access.actor import Actor
from sluice.access.may import require
from sluice.access.verbs import VERBS
from sluice.airflow.private import has_role, may_create_connections, user_named, user_of_request
from sluice.definition.models.connection import VIEWER
from sluice.page.world import World


def world_of(request: Request) -> World:
    """The project of the application."""
    world: World = request.app.state.world
    return world


WorldDep = Annotated[World, Depends(world_of)]


def actor_of(user: Annotated[Any, Depends(user_of_request())], world: WorldDep) -> Actor:
    """The user as an actor. Administrators are those who may create Airflow's connections."""
    name = user_named(user)
    return Actor(name, _roles(user, world), may_create_connections(user), getattr(user, "email", None) or "")


ActorDep = Annotated[Actor, Depends(actor_of)]


class Allowed:
    """The dependency that asks whether the actor may do something. The subject's name is the path parameter `name`.

    Writes must be JSON: a form of another site cannot send it."""

    def __init__(self, verb: str) -> None:
        self.verb = VERBS[verb]

    def __call__(self, request: Request, actor: ActorDep, world: WorldDep) -> Actor:
        if request.method not in ("GET", "HEAD") and not _is_json(request.headers):
            raise HTTPException(415, "send JSON, with the header `Content-Type: application/json`")
        require(actor, self.verb.name, world.subject(self.verb.on, request.path_params.get("name", "")))
        return actor


def _roles(user: Any, world: World) -> frozenset[str]:
    """The names of the user's roles: FAB's, the role of the simple auth manager in lower case, or those that another
    auth manager confirms."""
    roles = getattr(user, "roles", None)
    if isinstance(roles, list | tuple | set):
        return frozenset(str(getattr(role, "name", role)) for role in roles)
    if role := getattr(user, "role", None):
        return frozenset([str(role).lower()])
    shared = {role for one in world.declared.loaded.project.connections.values() for role in one.shared_with}
    return frozenset(role for role in (VIEWER, *sorted(shared)) if has_role(user, role))


def _is_json(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
