"""Connections: where exports deliver to. Secrets go to Airflow's own connections by Airflow's own API."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.access.editor import perform
from sluice.access.may import Refused, connection_of, export_on, may
from sluice.access.verbs import VERBS
from sluice.attempt import Attempt
from sluice.definition.edit.store import Stored
from sluice.definition.edit.write import Outlook, shown
from sluice.definition.load import Loaded
from sluice.definition.models.connection import Connection
from sluice.delivery.probe import probed
from sluice.errors import SHOWN, DefinitionError, SluiceError
from sluice.overview.destinations import DestinationType, destination_types
from sluice.page.api.edits import NewText, NewVersion, Tagged, Written, written
from sluice.page.asking import Allowed, WorldDep
from sluice.page.problem import Problem, problem_of
from sluice.page.shown import editable, values
from sluice.page.world import World

router = APIRouter(tags=["connections"])
Viewer = Annotated[Actor, Depends(Allowed("view-datasets"))]
DEADLINE = 30.0
"""Seconds after which a test without a result is given up."""


class ConnectionView(BaseModel):
    """A connection as the user may see it: with its other keys only if it is shared with the user."""

    name: str
    title: str
    type: str
    """Empty if the declaration does not load."""
    exports: int
    """How many exports use it."""
    may: list[str]
    """The verbs on the connection that the user may do, `create-export` included if it may be used."""
    text: str | None = None
    tag: str = ""
    """The version of the text. A text that may contain a secret is replaced by a comment, and is not edited here."""
    values: dict[str, Any] = {}
    airflow_conn_id: str = ""
    shared_with: list[str] = []
    takes: list[str] = []
    """The kinds of datasets and segments that the target accepts."""
    records_per_segment: int | None = None
    """The target's limit for the members of a segment."""
    split_segments: bool = False
    """Whether the target takes a segment over that limit as several."""
    errors: list[Problem] = []


class Probed(BaseModel):
    """The result of *test connection*."""

    ok: bool
    lines: list[str] = []
    problem: Problem | None = None


@router.get("/connections")
def connections(actor: Viewer, world: WorldDep) -> list[ConnectionView]:
    """Every connection, valid or not."""
    loaded = world.declared.loaded
    used = Counter(export.connection for export in loaded.project.exports.values())
    return [_view(stored, used[stored.name], actor, world) for stored in world.store.list("connection")]


@router.get("/destinations")
def destinations(actor: Viewer, world: WorldDep) -> list[DestinationType]:  # noqa: ARG001 - the same for everyone
    """Every type of destination."""
    return list(destination_types(world.declared.loaded.project))


@router.post("/connections", status_code=201)
def create(body: NewText, actor: Annotated[Actor, Depends(Allowed("create-connection"))], world: WorldDep) -> Written:
    """Add a connection."""
    return written(world, body.name, world.editor(actor).create("connection", body.name, body.text))


@router.put("/connections/{name}")
def replace(
    name: str, body: NewVersion, actor: Annotated[Actor, Depends(Allowed("edit-connection"))], world: WorldDep
) -> Written:
    """Change a connection, or share it with roles."""
    editable(world.store.get("connection", name))
    return written(world, name, world.editor(actor).replace("connection", name, body.text, body.tag), tag=body.tag)


@router.post("/connections/{name}/remove")
def remove(
    name: str, body: Tagged, actor: Annotated[Actor, Depends(Allowed("remove-connection"))], world: WorldDep
) -> Written:
    """Remove a connection that no export uses."""
    editor = world.editor(actor)
    try:
        change = editor.remove("connection", name, body.tag)
    except DefinitionError as error:
        found = world.outlook(editor.store.removing("connection", name, body.tag))
        raise _used(name, found) or error from None
    return written(world, name, change)


def _used(name: str, found: Outlook) -> DefinitionError | None:
    """The error that names the exports that would have no connection; None if there are none."""
    users = sorted({Path(error.place.file).stem for error in found.errors if error.place})
    if not users:
        return None
    more = f" and {len(users) - SHOWN} more" if len(users) > SHOWN else ""
    what = f"connection {name} is in use, so it is not removed. Its exports: {', '.join(users[:SHOWN])}{more}"
    return DefinitionError(what, next_step="give these exports another connection, or remove them, first")


@router.post("/connections/{name}/test")
def test(
    name: str,
    body: dict[str, Any],  # noqa: ARG001 - a request without a body could come from another site
    actor: Annotated[Actor, Depends(Allowed("test-connection"))],
    world: WorldDep,
) -> Probed:
    """Write, read and remove a small file there."""
    stored, loaded = world.store.get("connection", name), world.declared.loaded
    connection = loaded.project.connections.get(name)
    if connection is None:
        raise next(_errors(stored, loaded)).with_traceback(None)
    act = partial(perform, actor, "test-connection", [connection_of(connection)], partial(_probe, connection, world))
    found = Attempt(f"connection {name}", partial(act, world.audit)).outcome(time.monotonic() + DEADLINE)
    if isinstance(found, Refused):
        raise found
    if isinstance(found, SluiceError):
        return Probed(ok=False, problem=problem_of(found))
    return Probed(ok=True, lines=str(found).split("; "))


def _probe(connection: Connection, world: World) -> Any:
    return probed(connection, world.connections)


def _view(stored: Stored, used: int, actor: Actor, world: World) -> ConnectionView:
    loaded = world.declared.loaded
    connection = loaded.project.connections.get(stored.name)
    subject = world.subject("connection", stored.name)
    verbs = [verb.name for verb in VERBS.values() if verb.on == "connection" and may(actor, verb.name, subject)]
    if connection and may(actor, "create-export", export_on("", connection)):
        verbs.append("create-export")
    view = ConnectionView(
        name=stored.name,
        title=connection.title or stored.name if connection else stored.name,
        type=connection.destination.type if connection else "",
        exports=used,
        may=verbs,
    )
    if not may(actor, "view-connection", subject):
        return view
    view.text, view.tag, view.values = shown(stored.body), stored.tag, values(stored.body)
    view.errors = [problem_of(error) for error in _errors(stored, loaded)]
    if connection:
        view.airflow_conn_id = connection.destination.airflow_conn_id
        view.shared_with, view.takes = list(connection.shared_with), list(connection.takes)
        view.records_per_segment = connection.limits.records_per_segment
        view.split_segments = connection.split_segments
    return view


def _errors(stored: Stored, loaded: Loaded) -> Iterator[DefinitionError]:
    """The errors of a connection's file."""
    return (error for error in loaded.errors if error.place and error.place.file == str(stored.path))
