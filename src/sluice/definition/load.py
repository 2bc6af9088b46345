"""Reads the declarations of a folder into a `Project`, with the place of every error.

One bad file never hides another export. An export is broken only by errors in its own file, in the declarations it
depends on, directly or indirectly, and in the settings it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluice.definition.check import of_all
from sluice.definition.declarations import Declarations, once
from sluice.definition.errors.problem import unknown
from sluice.definition.folder import CATALOG, Family, FileShelf
from sluice.definition.memory import Memory
from sluice.definition.models.export import Export
from sluice.definition.models.project import Project
from sluice.definition.rules.clashes import clashes
from sluice.definition.rules.exports import has_a_connection
from sluice.definition.yaml import parse
from sluice.errors import DefinitionError, Place
from sluice.model.guardrail import Verdict

Subject = tuple[str | int, ...]
_Said = Callable[[Family, str], tuple[DefinitionError, ...]]
_FAMILIES: dict[str | int, Family] = {"connections": "connection", "exports": "export"}
_FAMILIES |= {plural: family for family, plural in CATALOG.items()}


@dataclass(frozen=True)
class Loaded:
    """The declarations of a folder, with errors and warnings."""

    project: Project
    """The valid declarations. Their references are valid too."""
    errors: tuple[DefinitionError, ...]
    """All errors of the folder, without duplicates, sorted by file and line."""
    broken: Mapping[str, tuple[DefinitionError, ...]]
    """The exports that cannot run, each with the errors that prevent it."""
    counts: Mapping[Family, int]
    """The number of declarations of each family, valid or not."""
    warnings: tuple[DefinitionError, ...] = ()
    """Probable mistakes, in the same order. They do not prevent an export from running."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """The YAML of each valid export."""
    notes: tuple[DefinitionError, ...] = ()
    """What is worth knowing about the declarations. Nothing has to change."""


def load(folder: Path, drafts: parse.Drafts = parse.NO_DRAFTS, memory: Memory | None = None) -> Loaded:
    """Read every declaration below `folder`, with the drafts in place of their files. Never raises: problems are in
    `errors`. With a `memory`, only what has changed since the last time is read again."""
    declared = Declarations(folder, drafts, memory)
    names = {family: sorted(declared.names(family)) for family in declared.shelves}
    errors = [*declared.settings.errors, *declared.settings.default_errors, *declared.strays()]
    errors += [error for family, known in names.items() for name in known for error in declared.errors(family, name)]
    project, clashing = _apart(declared, _project(declared, names))
    errors += clashing.values()
    sound = project.exports.keys() | project.detached.keys()
    broken = {name: _blockers(declared, name, clashing) for name in names["export"] if name not in sound}
    ways: tuple[tuple[_Said, Verdict], ...] = ((declared.warnings, "warn"), (declared.notes, "inform"))
    warnings, notes = (
        once(
            [
                *(found for family, known in names.items() for name in known for found in said(family, name)),
                *_of_all(declared, project, verdict),
            ]
        )
        for said, verdict in ways
    )
    counts = {family: len(known) for family, known in names.items()}
    if not drafts:
        declared.remember_only_these()
    return Loaded(project, once(errors), broken, counts, warnings, _texts(declared, sorted(sound)), notes)


@dataclass(frozen=True)
class Chosen:
    """Some exports of a folder, with everything that they depend on."""

    project: Project
    """What they depend on, and they themselves if they are valid. It may contain other exports, which they follow."""
    names: tuple[str, ...]
    """Their names, sorted."""
    broken: Mapping[str, tuple[DefinitionError, ...]]
    """Those that cannot run, each with the errors that prevent it."""
    texts: Mapping[str, str]
    """The YAML of those that can run."""
    declared: frozenset[str]
    """The names of all exports of the folder, chosen or not."""


def load_chosen(folder: Path, choose: Callable[[str], bool]) -> Chosen:
    """Read the exports that are chosen by name, and no file of another one that they do not depend on. So a clash of
    file names is found only between exports that are read together; `load` finds all, and claims refuse the rest when
    runs have the same names."""
    declared = Declarations(folder)
    declared_names = frozenset(declared.shelves["export"].names())
    names = tuple(sorted(filter(choose, declared_names)))
    reached = {found for name in names for found in declared.reach("export", name)}
    wanted = {family: sorted(n for f, n in reached if f == family) for family in declared.shelves}
    project, clashing = _apart(declared, _project(declared, wanted))
    sound = [name for name in names if name in project.exports or name in project.detached]
    broken = {name: _blockers(declared, name, clashing) for name in names if name not in sound}
    return Chosen(project, names, broken, _texts(declared, sound), declared_names)


def load_catalog(folder: Path) -> Project:
    """The settings, datasets, segments and refreshes that are valid. Reads no export and no connection."""
    declared = Declarations(folder)
    return _project(
        declared, {family: sorted(declared.names(family)) if family in CATALOG else () for family in declared.shelves}
    )


def load_export(folder: Path, name: str) -> tuple[Project, Export]:
    """Read one export that can run and its dependencies, but no file of another export or connection.

    Raises `DefinitionError` if no export has this name, if it has no connection, or if it or one of its dependencies is
    invalid."""
    return find_attached(Declarations(folder), name)


def find_attached(declared: Declarations, name: str) -> tuple[Project, Export]:
    """Like `load_export`, in declarations that are already open."""
    project, export = find(declared, name)
    declaration = declared.shelves["export"].get(name)
    if declaration is not None:
        for problem in has_a_connection(export, declared):
            raise problem.at(declared.place(declaration))
    return project, export


def find(declared: Declarations, name: str) -> tuple[Project, Export]:
    """Like `find_attached`, but the export may be detached."""
    if declared.shelves["export"].get(name) is None:
        raise _no_export(name, declared.names("export"))
    if errors := declared.blockers("export", name):
        raise _first(errors)
    project = _of(declared, declared.reach("export", name))  # nothing that it refers to has an error
    return project, project.exports[name] if name in project.exports else project.detached[name]


class Places:
    """Finds the places of parts of a folder's declarations. Each file is read once."""

    def __init__(self, folder: Path) -> None:
        self._declared = Declarations(folder)

    def of(self, subject: Subject, *, word: str = "") -> Place | None:
        """The place of a part such as `("exports", "orders", "fields", 2)`, or of a word in it; None if the declaration
        does not exist."""
        family = _FAMILIES.get(subject[0]) if len(subject) > 1 else None
        declaration = self._declared.shelves[family].get(str(subject[1])) if family else None
        return self._declared.place(declaration, subject[2:], word=word) if declaration else None


def place_of(folder: Path, subject: Subject) -> Place | None:
    """The place of a part such as `("exports", "orders", "fields", 2)`; None if the declaration does not exist."""
    return Places(folder).of(subject)


def is_declared(folder: Path, name: str) -> bool:
    """Whether there is a file for an export of this name, valid or not."""
    return FileShelf("export", folder).get(name) is not None


def declaration_text(declared: Declarations, name: str) -> str:
    """The YAML of an export that can be read. A text that may contain a secret is replaced by a comment."""
    return _texts(declared, [name])[name]


def _project(declared: Declarations, names: Mapping[Family, Iterable[str]]) -> Project:
    """The valid ones of these declarations."""
    every = ((family, name) for family, known in names.items() for name in known)
    return _of(declared, (one for one in every if not declared.blockers(*one)))


def _of(declared: Declarations, names: Iterable[tuple[Family, str]]) -> Project:
    """The project of these declarations, which are valid."""
    sound: dict[Family, dict[str, Any]] = {family: {} for family in declared.shelves}
    for family, name in names:
        sound[family][name] = declared.get(family, name)
    return Project(
        settings=declared.settings.settings,
        datasets=sound["dataset"],
        segments=sound["segment"],
        refreshes=sound["refresh"],
        connections=sound["connection"],
        exports={name: export for name, export in sound["export"].items() if export.connection},
        detached={name: export for name, export in sound["export"].items() if not export.connection},
    )


def _apart(declared: Declarations, project: Project) -> tuple[Project, dict[str, DefinitionError]]:
    """The project without the exports whose files may have the names of another export's, and what is wrong with
    these."""
    clashing = {
        name: problem.at(declared.place(declaration, problem.path, key=problem.key))
        for name, problem in clashes(project.exports, declared)
        if (declaration := declared.shelves["export"].get(name))
    }
    exports = {name: export for name, export in project.exports.items() if name not in clashing}
    return project.model_copy(update={"exports": exports}), clashing


def _blockers(
    declared: Declarations, name: str, clashing: Mapping[str, DefinitionError]
) -> tuple[DefinitionError, ...]:
    return (clashing[name],) if name in clashing else declared.blockers("export", name)


def _texts(declared: Declarations, names: Iterable[str]) -> dict[str, str]:
    """The YAML of exports."""
    found = {name: declared.shelves["export"].get(name) for name in names}
    return {name: declaration.text for name, declaration in found.items() if declaration}


def _of_all(declared: Declarations, project: Project, verdict: Verdict) -> Iterator[DefinitionError]:
    """What the guardrails of all exports together say."""
    for guardrail in of_all(project.settings, verdict):
        for name, problem in guardrail.rule(project.exports):
            if declaration := declared.shelves["export"].get(name):
                yield problem.at(declared.place(declaration, problem.path, key=problem.key))


def _first(errors: tuple[DefinitionError, ...]) -> DefinitionError:
    """The first of several errors, which says how many more there are."""
    first = errors[0]
    more = f"; `sluice check` shows {len(errors) - 1} more" if len(errors) > 1 else ""
    return DefinitionError(
        first.what, place=first.place, nearest=first.nearest, known=first.known, next_step=first.next_step + more
    )


def _no_export(name: str, known: Iterable[str]) -> DefinitionError:
    problem = unknown((), name, known, f"no export is named `{name}`", "run `sluice list` to see the exports")
    return problem.error()
