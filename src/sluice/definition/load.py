"""Reads the declarations of a folder into a `Project`, with the place of every error.

One bad file never hides another export. An export is broken only by errors in its own file, in the declarations it
depends on, directly or indirectly, and in the settings it uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluice.definition.declarations import Declarations, once
from sluice.definition.errors.problem import unknown
from sluice.definition.folder import CATALOG, Family, FileShelf
from sluice.definition.models.export import Export
from sluice.definition.models.project import Project
from sluice.definition.yaml import parse
from sluice.errors import DefinitionError, Place

Subject = tuple[str | int, ...]
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


def load(folder: Path, drafts: parse.Drafts = parse.NO_DRAFTS) -> Loaded:
    """Read every declaration below `folder`, with the drafts in place of their files. Never raises: problems are in
    `errors`."""
    declared = Declarations(folder, drafts)
    names = {family: sorted(declared.names(family)) for family in declared.shelves}
    errors = [*declared.settings.errors, *declared.settings.default_errors, *declared.strays()]
    errors += [error for family, known in names.items() for name in known for error in declared.errors(family, name)]
    project = _project(declared, names)
    broken = {name: declared.blockers("export", name) for name in names["export"] if name not in project.exports}
    warnings = once(w for family, known in names.items() for name in known for w in declared.warnings(family, name))
    counts = {family: len(known) for family, known in names.items()}
    found = {name: declared.shelves["export"].get(name) for name in project.exports}
    texts = {name: declaration.text for name, declaration in found.items() if declaration}
    return Loaded(project, once(errors), broken, counts, warnings, texts)


def load_export(folder: Path, name: str) -> tuple[Project, Export]:
    """Read one export and its dependencies, but no file of another export or connection.

    Raises `DefinitionError` if no export has this name, or if it or one of its dependencies is invalid."""
    return find(Declarations(folder), name)


def find(declared: Declarations, name: str) -> tuple[Project, Export]:
    """Like `load_export`, in declarations that are already open."""
    if declared.shelves["export"].get(name) is None:
        raise _no_export(name, declared.names("export"))
    if errors := declared.blockers("export", name):
        raise _first(errors)
    reached = declared.reach("export", name)
    project = _project(declared, {family: [n for f, n in reached if f == family] for family in declared.shelves})
    return project, project.exports[name]


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


def declaration_text(folder: Path, name: str) -> str:
    """The YAML of an export. A text that may contain a secret is replaced by a comment. Raises `DefinitionError` if the
    export does not exist or cannot be read."""
    shelf = FileShelf("export", folder)
    declaration = shelf.get(name)
    if declaration is None:
        raise _no_export(name, shelf.names())
    if declaration.document is None:
        raise declaration.errors[0]
    return declaration.text


def _project(declared: Declarations, names: Mapping[Family, Iterable[str]]) -> Project:
    """The valid ones of these declarations."""
    sound: dict[Family, dict[str, Any]] = {
        family: {name: declared.get(family, name) for name in known if not declared.blockers(family, name)}
        for family, known in names.items()
    }
    return Project(
        settings=declared.settings.settings,
        datasets=sound["dataset"],
        segments=sound["segment"],
        refreshes=sound["refresh"],
        connections=sound["connection"],
        exports=sound["export"],
    )


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
