"""What a draft would do if it were saved. Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.access.may import Subject, export_on, may, require
from sluice.definition.edit import write
from sluice.definition.edit.store import MissingError, Stored
from sluice.definition.models.export import Export
from sluice.definition.models.project import Project
from sluice.delivery.steps import explained
from sluice.errors import DefinitionError, SluiceError
from sluice.overview.detail import next_runs, plan_now
from sluice.overview.row import in_words
from sluice.page.problem import Problem, problem_of
from sluice.page.shown import difference, editable, values
from sluice.page.world import World
from sluice.plan.explain import tree


class Draft(BaseModel):
    """A text that is not saved."""

    family: Literal["export", "connection"] = "export"
    name: str
    text: str
    new: bool = False
    """Whether it is a new declaration: then its name must not exist."""


class Checked(BaseModel):
    """What the draft would do if it were saved."""

    errors: list[Problem]
    """In the whole project; empty if it can be saved."""
    warnings: list[Problem]
    diff: str
    """Against the saved text."""
    values: dict[str, Any] = {}
    """The draft as a value; empty if it is no YAML mapping."""
    schedule: str = ""
    """In words."""
    next_runs: list[datetime] = []
    tree: list[str] = []
    """The paths of the first parts of each feed and of the manifest, for a run now."""
    plan: str = ""
    may_save: bool
    """Whether the user may save it."""


class Desk:
    """A draft, next to the saved text. Raises `Refused` if the actor may not see the saved text."""

    def __init__(self, world: World, actor: Actor, draft: Draft) -> None:
        self._world, self._actor, self._draft = world, actor, draft
        self._store = world.store
        self._stored = self._saved()
        if draft.family == "connection":
            verb = "view-connection" if self._stored else "create-connection"
            require(actor, verb, world.subject("connection", draft.name))

    def checked(self) -> Checked:
        """What is wrong with it, and what it would do."""
        body = self._draft.text.encode("utf-8", "surrogatepass")
        found = Checked(errors=[], warnings=[], diff="", values=values(body), may_save=False)
        try:
            drafts = self._drafts()
            outlook = self._world.outlook(drafts)
        except SluiceError as error:
            found.errors = [problem_of(error)]
            return found
        found.errors = [problem_of(error) for error in outlook.errors]
        found.warnings = [problem_of(warning) for warning in outlook.warnings]
        found.diff = difference(drafts, self._world.include)
        found.may_save = self._may_save(drafts)
        declared = outlook.then.project.exports.get(self._draft.name) if self._draft.family == "export" else None
        if declared:
            self._plan(found, outlook.then.project, declared)
        return found

    def previewed(self) -> tuple[Project, Export]:
        """The project and the export as they would be, for a preview of its rows. Raises the draft's first error, and
        `Refused` if the actor may not see the rows."""
        if self._draft.family != "export":
            raise DefinitionError("only exports have rows", next_step="send the draft of an export")
        outlook = self._world.outlook(self._drafts())
        declared = outlook.then.project.exports.get(self._draft.name)
        if declared is None:
            what = "the export has no connection, so it has no form in which its rows would be delivered"
            missing = DefinitionError(what, next_step="choose a connection")
            raise next(iter(outlook.then.broken.get(self._draft.name, ())), missing).with_traceback(None)
        require(self._actor, "preview-export", self._on(outlook.then.project, declared))
        return outlook.then.project, declared

    def _saved(self) -> Stored | None:
        try:
            return self._store.get(self._draft.family, self._draft.name)
        except MissingError:
            return None

    def _drafts(self) -> Sequence[write.Draft]:
        draft = self._draft
        if self._stored is None or draft.new:
            return self._store.creating(draft.family, draft.name, draft.text)
        editable(self._stored)
        return self._store.replacing(draft.family, draft.name, draft.text, self._stored.tag)

    def _may_save(self, drafts: Sequence[write.Draft]) -> bool:
        verb = f"{'edit' if self._stored else 'create'}-{self._draft.family}"
        return all(may(self._actor, verb, one) for one in self._world.editor(self._actor).subjects(drafts))

    def _plan(self, found: Checked, project: Project, declared: Export) -> None:
        now = datetime.now(UTC)
        found.schedule, found.next_runs = in_words(declared), next_runs(declared, now)
        seen = self._world.declared.loaded.project.exports.get(declared.name)
        if not found.may_save and (seen is None or seen.connection != declared.connection):
            return  # a plan shows keys of the connection
        try:
            plan = plan_now(project, declared, now)
            found.plan, found.tree = explained(plan), tree(plan)
        except SluiceError as error:
            found.errors.append(problem_of(error))

    def _on(self, project: Project, declared: Export) -> Subject:
        return export_on(declared.name, project.connections.get(declared.connection))
