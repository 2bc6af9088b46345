"""Changes of exports: each is checked with the whole project, written by the store, and recorded in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.airflow.rest import Rest
from sluice.definition.edit.attach import attaching, detaching
from sluice.definition.edit.duplicate import duplicating
from sluice.definition.edit.feeds import changing_feeds
from sluice.definition.edit.reschedule import Change, rescheduling
from sluice.definition.edit.store import Change as Changed
from sluice.definition.edit.store import removing, tag_of
from sluice.errors import DefinitionError, SluiceError
from sluice.page.asking import Allowed, WorldDep
from sluice.page.bulk import Bulk
from sluice.page.bulk import Done as Done
from sluice.page.loopback import AirflowDep
from sluice.page.problem import Problem, problem_of
from sluice.page.shown import difference, editable
from sluice.page.started import run_now
from sluice.page.world import World

router = APIRouter(tags=["edits"])
Viewer = Annotated[Actor, Depends(Allowed("view-exports"))]
"""Whether they may change an export is asked where the change is made, because it depends on the new text too."""


class Written(BaseModel):
    """A change that was made."""

    name: str
    tag: str
    """The version of the new text; empty if the declaration was removed."""
    diff: str
    """The change as a unified diff."""
    warnings: list[Problem] = []
    run: str = ""
    """The id of the run that was started."""


class NewText(BaseModel):
    """A new declaration."""

    name: str
    text: str
    run: bool = False
    """Whether to start a run: *save and run*."""


class NewVersion(BaseModel):
    """Another text of a declaration."""

    text: str
    tag: str
    run: bool = False


class Tagged(BaseModel):
    """The version that the user saw."""

    tag: str


class NewName(BaseModel):
    """Another name."""

    new: str
    tag: str = ""


class Selection(BaseModel):
    """The names of some exports."""

    exports: list[str]


class Reschedule(Selection):
    """Schedules of some exports."""

    enabled: bool = True
    keep: bool = False
    """Whether each export keeps its schedule, and is only switched on or off."""
    schedule: Any = None
    """The new schedule, as in a declaration: a word such as `with-refresh`, or a mapping such as `{daily: "06:00"}`."""


class Attach(Selection):
    """Another connection of some exports."""

    connection: str


class Feeds(Tagged):
    """Datasets, segments or entities to add to an export and to remove from it."""

    add: list[str] = []
    remove: list[str] = []


@router.post("/exports", status_code=201)
def create(body: NewText, actor: Viewer, world: WorldDep, airflow: AirflowDep) -> Written:
    """Add an export; with `run`, start it."""
    change = world.editor(actor).create("export", body.name, body.text)
    return written(world, body.name, change, start=_start(body, body.name, actor, world, airflow))


@router.put("/exports/{name}")
def replace(name: str, body: NewVersion, actor: Viewer, world: WorldDep, airflow: AirflowDep) -> Written:
    """Give an export another text; with `run`, start it. A stale `tag` is refused with 409 and the current text."""
    editable(world.store.get("export", name))
    change = world.editor(actor).replace("export", name, body.text, body.tag)
    return written(world, name, change, body.tag, start=_start(body, name, actor, world, airflow))


@router.post("/exports/{name}/duplicate", status_code=201)
def duplicate(name: str, body: NewName, actor: Viewer, world: WorldDep) -> Written:
    """Create an export from another one. The copy is switched off."""
    editor = world.editor(actor)
    drafts = duplicating(editor.store, name, body.new)
    return written(world, body.new, editor.change("duplicate-export", drafts, f"Copy export {name} to {body.new}"))


@router.post("/exports/{name}/rename")
def rename(name: str, body: NewName, actor: Viewer, world: WorldDep) -> Written:
    """Give an export another name. Without a `tag`, whatever its text is."""
    editor = world.editor(actor)
    change = editor.rename("export", name, body.new, body.tag or editor.store.get("export", name).tag)
    return written(world, body.new, change)


@router.post("/exports/{name}/feeds")
def feeds(name: str, body: Feeds, actor: Viewer, world: WorldDep) -> Written:
    """Add datasets, segments or entities to an export, or remove some."""
    editor = world.editor(actor)
    drafts = changing_feeds(editor.store, name, body.add, body.remove, body.tag)
    return written(world, name, editor.change("edit-export", drafts, f"Change the feeds of export {name}"))


@router.post("/actions/schedule")
def schedule(body: Reschedule, actor: Viewer, world: WorldDep) -> Done:
    """Schedule some exports, or switch their schedules on or off."""
    if body.keep:
        change = Change(enabled=body.enabled)
    elif body.schedule is None:
        raise DefinitionError("there is no schedule", next_step="choose one, or keep the schedules of the exports")
    else:
        change = Change(schedule=body.schedule, enabled=None if body.schedule == "off" else body.enabled)
    bulk = Bulk(world, actor, "schedule-export", "Schedule")
    return bulk.change(body.exports, lambda declared, name: rescheduling(declared, name, change))


@router.post("/actions/detach")
def detach(body: Selection, actor: Viewer, world: WorldDep) -> Done:
    """Take the connection away from some exports. They do not run until they have one again."""
    bulk = Bulk(world, actor, "detach-export", "Detach")
    return bulk.change(body.exports, lambda declared, name: detaching(declared, [name]))


@router.post("/actions/attach")
def attach(body: Attach, actor: Viewer, world: WorldDep) -> Done:
    """Give some exports another connection."""
    bulk = Bulk(world, actor, "edit-export", f"Use the connection {body.connection} for")
    return bulk.change(body.exports, lambda declared, name: attaching(declared, name, body.connection))


@router.post("/actions/remove")
def remove(body: Selection, actor: Viewer, world: WorldDep) -> Done:
    """Remove the declarations of some exports. Their deliveries stay."""
    bulk = Bulk(world, actor, "remove-export", "Remove")
    return bulk.change(body.exports, lambda declared, name: removing(declared, "export", name))


def _tag(change: Changed, name: str) -> str:
    """The version of the text that was written; empty if there is none, or if nothing has changed."""
    return next((tag_of(one.after) for one in change.drafts if one.path.stem == name and one.after is not None), "")


def _start(
    body: NewText | NewVersion, name: str, actor: Actor, world: World, airflow: Rest
) -> Callable[[], str] | None:
    """What starts a run after the change, if the user wants one."""
    return partial(run_now, world, actor, airflow, name) if body.run else None


def written(world: World, name: str, change: Changed, tag: str = "", start: Callable[[], str] | None = None) -> Written:
    """The answer to a change of one file. `start` starts a run. `tag` is the version before, which stays if nothing has
    changed."""
    world.changed()
    done = Written(
        name=name,
        tag=_tag(change, name) if change.drafts else tag,
        diff=difference(change.drafts, world.include),
        warnings=[problem_of(warning) for warning in change.warnings],
    )
    if start:
        try:
            done.run = start()
        except SluiceError as error:
            done.warnings.append(problem_of(error))
    return done
