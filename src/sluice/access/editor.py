"""Changes declarations for an actor. The only way to the store of declarations: it checks the actor's rights, writes,
and records what happened, so no writer can forget one of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from sluice.access.actor import Actor
from sluice.access.audit import Entry, Outcome, Recorder, Text, entry
from sluice.access.may import CATALOG, PROJECT, Refused, Subject, connection_of, export_on, require
from sluice.access.verbs import VERBS
from sluice.definition.declarations import Declarations
from sluice.definition.edit.store import Change, Store
from sluice.definition.edit.write import Draft, shown
from sluice.definition.folder import Family
from sluice.definition.models.connection import Connection
from sluice.definition.settings import PROJECT as PROJECT_FILE
from sluice.errors import FatalError, SluiceError

Result = TypeVar("Result")


class Editor:
    """One actor's changes to the declarations of a store. Each method raises `Refused` if the actor may not do it, and
    what the store raises. Every attempt is recorded."""

    def __init__(self, store: Store, actor: Actor, recorder: Recorder) -> None:
        self.store, self.actor, self.recorder = store, actor, recorder

    def create(self, family: Family, name: str, text: str) -> Change:
        """Add a declaration."""
        return self._edit("create", family, f"Create {family} {name}", self.store.creating(family, name, text))

    def replace(self, family: Family, name: str, text: str, tag: str) -> Change:
        """Give a declaration another text."""
        return self._edit("edit", family, f"Change {family} {name}", self.store.replacing(family, name, text, tag))

    def rename(self, family: Family, name: str, new: str, tag: str) -> Change:
        """Give a declaration another name."""
        why = f"Rename {family} {name} to {new}"
        return self._edit("rename", family, why, self.store.renaming(family, name, new, tag))

    def remove(self, family: Family, name: str, tag: str) -> Change:
        """Remove a declaration."""
        return self._edit("remove", family, f"Remove {family} {name}", self.store.removing(family, name, tag))

    def change(self, verb: str, drafts: Sequence[Draft], why: str) -> Change:
        """Write drafts, all or none. What they change determines the subjects, and so who may do it."""
        if verb in VERBS and not VERBS[verb].edits:
            raise Refused(f"`{verb}` changes no declarations", next_step="use the verb of the change")
        subjects = self.subjects(drafts)
        if verb in VERBS and VERBS[verb].on == "project" and PROJECT not in subjects:  # it changes several kinds
            subjects = [PROJECT]
        texts = [_text(draft, self.store.folder) for draft in drafts]
        return perform(
            self.actor,
            verb,
            subjects,
            lambda: self.store.change(drafts, self.actor.author, why),
            self.recorder,
            texts,
        )

    def subjects(self, drafts: Sequence[Draft]) -> list[Subject]:
        """What the drafts act on."""
        return list(_subjects(self.store.folder, drafts))

    def _edit(self, verb: str, family: Family, why: str, drafts: Sequence[Draft]) -> Change:
        named = f"{verb}-{family}" if family in ("export", "connection") else "edit-catalog"
        return self.change(named, drafts, why)


def perform(
    actor: Actor,
    verb: str,
    subjects: Sequence[Subject],
    action: Callable[[], Result],
    recorder: Recorder,
    texts: Sequence[Text] = (),
) -> Result:
    """Do something for an actor: check its rights, act, and record the outcome. `texts` are the changes that a
    successful action makes.

    Raises `Refused` if the actor may not do it, and what `action` raises. If nothing can be recorded, nothing is done.
    """
    recorder.ready()
    try:
        for subject in subjects:
            require(actor, verb, subject)
        result = action()
    except SluiceError as error:
        outcome: Outcome = "refused" if isinstance(error, Refused) else "failed"
        with suppress(SluiceError):  # nothing was changed, and the reader needs this error
            recorder.append(entry(actor, verb, subjects, outcome, why=error))
        raise
    _record(recorder, entry(actor, verb, subjects, "done", texts=texts))
    return result


def _record(recorder: Recorder, done: Entry) -> None:
    try:
        recorder.append(done)
    except SluiceError as error:
        what = f"it was done, but is not in the audit log: {error.what}"
        raise FatalError(what, next_step="do not repeat the change; restore staging, and note the change") from error


def _subjects(folder: Path, drafts: Sequence[Draft]) -> Iterator[Subject]:
    """What the drafts change. An export is on its connection before and after the change."""
    before, after = Declarations(folder), Declarations(folder, {draft.path: draft.after for draft in drafts})
    for draft in drafts:
        way = _way(draft, folder)
        match way.parts[0]:
            case "exports":
                sides = [side for side, body in ((before, draft.before), (after, draft.after)) if body is not None]
                found = [one for side in sides for one in _connections(side, before, way.stem)]
                yield export_on(way.stem, *found)
            case "connections":
                connection = before.get("connection", way.stem) or after.get("connection", way.stem)
                yield connection_of(connection) if connection else Subject("connection", way.stem)
            case "catalog":
                yield CATALOG
            case first if first == PROJECT_FILE:
                yield PROJECT
            case _:
                raise _stray(draft, folder)


def _connections(side: Declarations, current: Declarations, export: str) -> Iterator[Connection | None]:
    """The connection that an export names, as it is declared now. None if it is not known; nothing if the export is
    valid and detached, for sure."""
    declared = side.get("export", export)
    if declared is not None and not declared.connection and not side.settings.errors:
        return
    declaration = side.shelves["export"].get(export)
    if declaration is None or declaration.raw is None:
        yield None
        return
    name = side.settings.fill(declaration.raw).get("connection")
    yield current.get("connection", name) if isinstance(name, str) else None


def _way(draft: Draft, folder: Path) -> Path:
    """The path of a draft below the folder of declarations."""
    if not draft.path.is_relative_to(folder) or ".." in draft.path.parts[len(folder.parts) :]:
        raise _stray(draft, folder)
    return draft.path.relative_to(folder)


def _stray(draft: Draft, folder: Path) -> FatalError:
    what = f"{draft.path} is not a file of declarations in {folder}"
    return FatalError(what, next_step="change only files of connections, exports, the catalog and project.yaml")


def _text(draft: Draft, folder: Path) -> Text:
    """Without secrets: the log keeps it for ever."""
    return Text(file=str(_way(draft, folder)), before=shown(draft.before), after=shown(draft.after))
