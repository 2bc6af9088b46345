"""Changes of a selection of exports: those that cannot be changed are skipped, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from pydantic import BaseModel

from sluice.access.actor import Actor
from sluice.access.audit import entry
from sluice.access.editor import perform
from sluice.access.may import Refused, Subject, require
from sluice.definition.declarations import Declarations
from sluice.definition.edit.write import Draft, ReadOnlyError, StaleError
from sluice.errors import DefinitionError, SluiceError
from sluice.page.problem import Problem, problem_of
from sluice.page.shown import difference
from sluice.page.world import World

Drafts = dict[str, Sequence[Draft]]
"""The drafts of each export; none if nothing would change."""
Drafting = Callable[[Declarations, str], Sequence[Draft]]
"""Makes the drafts of one export."""


class Skipped(BaseModel):
    """An export of a selection that was left out."""

    name: str
    why: str
    """The first line of the error."""
    problem: Problem | None = None


class Done(BaseModel):
    """What happened to a selection."""

    done: list[str]
    skipped: list[Skipped] = []
    diff: str = ""
    runs: dict[str, str] = {}
    """The runs that were started, by export."""


def skipped(name: str, error: SluiceError) -> Skipped:
    """An export that was left out because of an error."""
    return Skipped(name=name, why=error.what.partition("\n")[0], problem=problem_of(error))


class Bulk:
    """One actor's change of some exports. As many as possible are changed together: in a git working tree, in one
    commit."""

    def __init__(self, world: World, actor: Actor, verb: str, does: str) -> None:
        """`does` is what happens, for the history: `Schedule`."""
        self._world, self._actor, self._verb, self._does = world, actor, verb, does
        self._editor = world.editor(actor)
        self._changed: list[Draft] = []
        self._done: list[str] = []
        self._failed: dict[str, SluiceError] = {}
        self._wrong: set[str] = set()

    def change(self, names: Sequence[str], drafting: Drafting) -> Done:
        """Change each export. Raises errors that concern all of them: declarations that are not changed here, and an
        audit log that cannot be written."""
        wanted = self._allowed(self._drafted(list(dict.fromkeys(names)), drafting))
        before = -1
        while wanted and len(self._done) > before:  # one may depend on another: its follower is removed first
            before = len(self._done)
            self._apply(wanted)
            ended = {*self._done, *self._wrong}
            wanted = {name: drafts for name, drafts in wanted.items() if name not in ended}
        if self._changed:
            self._world.changed()
        left_out = [skipped(name, self._failed[name]) for name in dict.fromkeys(names) if name in self._failed]
        done = [name for name in dict.fromkeys(names) if name in self._done]
        return Done(done=done, skipped=left_out, diff=difference(self._changed, self._world.include))

    def _drafted(self, names: Sequence[str], drafting: Drafting) -> Drafts:
        declared, found = self._world.open(), {}
        for name in names:
            try:
                found[name] = drafting(declared, name)
            except SluiceError as error:
                self._failed[name] = error
        return found

    def _allowed(self, drafted: Drafts) -> Drafts:
        """Those that the actor may change. The others are recorded as refused."""
        subjects = {one.name: one for one in self._editor.subjects([d for some in drafted.values() for d in some])}
        refused = []
        for name in drafted:
            subject = subjects.get(name) or self._world.subject("export", name)
            try:
                require(self._actor, self._verb, subject)
            except Refused as error:
                self._failed[name] = error
                refused.append(subject)
        if refused:
            with suppress(Refused):
                perform(self._actor, self._verb, refused, lambda: None, self._editor.recorder)
        return {name: drafts for name, drafts in drafted.items() if name not in self._failed}

    def _apply(self, wanted: Drafts) -> None:
        """Change all of them together, or as many as possible."""
        wanted = self._without_wrong(wanted)
        drafts = [draft for some in wanted.values() for draft in some]
        try:
            if drafts:
                self._editor.change(self._verb, drafts, f"{self._does} {', '.join(wanted)}")
        except ReadOnlyError:
            raise
        except (DefinitionError, StaleError) as error:
            if len(wanted) > 1:
                names = list(wanted)
                for part in (names[: len(names) // 2], names[len(names) // 2 :]):
                    self._apply({name: wanted[name] for name in part})
            else:
                self._failed |= dict.fromkeys(wanted, error)
            return
        self._changed += drafts
        self._done += wanted
        for name in wanted:
            self._failed.pop(name, None)

    def _without_wrong(self, wanted: Drafts) -> Drafts:
        """Without the exports that would have an error in their own file. They are recorded as failed, together."""
        if len(wanted) < 2:
            return wanted
        outlook = self._world.outlook([draft for some in wanted.values() for draft in some])
        errors = {error.place.file: error for error in reversed(outlook.errors) if error.place}
        wrong = {
            name: errors[str(one.path)] for name, some in wanted.items() for one in some if str(one.path) in errors
        }
        if wrong:
            self._failed |= wrong
            self._wrong |= wrong.keys()
            subjects, first = [Subject("export", name) for name in wrong], next(iter(wrong.values()))
            self._editor.recorder.append(entry(self._actor, self._verb, subjects, "failed", why=first))
        return {name: drafts for name, drafts in wanted.items() if name not in wrong}
