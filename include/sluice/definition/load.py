"""Reading the declarations of a folder into a `Project`, with every error in its place.

One bad file never hides another export: an export is broken only by what is wrong in its own file, in what it refers
to, directly or through others, and in the settings that it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sluice.definition import secret
from sluice.definition.catalog import SYSTEM_REFRESH, Dataset, Refresh, Segment, SystemRefresh
from sluice.definition.check import RULES
from sluice.definition.connection import Connection
from sluice.definition.explain import explain
from sluice.definition.export import Export
from sluice.definition.folder import CATALOG, CatalogShelf, Declaration, Family, FileShelf, Shelf, misplaced
from sluice.definition.problem import Problem, unknown
from sluice.definition.project import Project
from sluice.definition.refer import references
from sluice.definition.settings import SettingsFile, kinds, read_settings
from sluice.errors import DefinitionError, Place

Subject = tuple[str | int, ...]
_TYPES: dict[Family, Any] = {
    "connection": Connection,
    "dataset": Dataset,
    "segment": Segment,
    "refresh": Refresh,
    "export": Export,
}
_FAMILIES: dict[str | int, Family] = {"connections": "connection", "exports": "export"}
_FAMILIES |= {plural: family for family, plural in CATALOG.items()}
_ADAPTERS: dict[Family, TypeAdapter[Any]] = {family: TypeAdapter(model) for family, model in _TYPES.items()}


@dataclass(frozen=True)
class Loaded:
    """What a folder declares."""

    project: Project
    """What is sound, and refers to sound things alone."""
    errors: tuple[DefinitionError, ...]
    """Every error of the folder, once, in the order of files and lines."""
    broken: Mapping[str, tuple[DefinitionError, ...]]
    """The exports that cannot run, each with the errors that keep it from running."""
    counts: Mapping[Family, int]
    """How many of each family are declared, sound or not."""


def load(folder: Path) -> Loaded:
    """Read every declaration below `folder`. Never raises: what is wrong is in `errors`."""
    declared = Declarations(folder)
    names = {family: sorted(declared.names(family)) for family in declared.shelves}
    errors = [*declared.settings.errors, *declared.settings.default_errors, *declared.strays()]
    errors += [error for family, known in names.items() for name in known for error in declared.errors(family, name)]
    project = _project(declared, names)
    broken = {name: declared.blockers("export", name) for name in names["export"] if name not in project.exports}
    return Loaded(project, _once(errors), broken, {family: len(known) for family, known in names.items()})


def load_export(folder: Path, name: str) -> tuple[Project, Export]:
    """Read one export and what it refers to, and no other export's or connection's file.

    Raises `DefinitionError` where no export has this name, or where it or what it refers to is wrong."""
    declared = Declarations(folder)
    if declared.shelves["export"].get(name) is None:
        raise _no_export(name, declared.names("export"))
    if errors := declared.blockers("export", name):
        raise _first(errors)
    reached = declared.reach("export", name)
    project = _project(declared, {family: [n for f, n in reached if f == family] for family in declared.shelves})
    return project, project.exports[name]


def place_of(folder: Path, subject: Subject) -> Place | None:
    """Where a part of the declarations stands: `("exports", "orders", "fields", 2)`. None where nothing does."""
    family = _FAMILIES.get(subject[0]) if len(subject) > 1 else None
    declaration = Declarations(folder).shelves[family].get(str(subject[1])) if family else None
    return declaration.place(subject[2:]) if declaration else None


def declaration_text(folder: Path, name: str) -> str:
    """An export's own YAML. Raises `DefinitionError` where no export has this name; a text that seems to hold a
    secret is not given out."""
    shelf = FileShelf("export", folder / "exports")
    if name not in shelf.files:
        raise _no_export(name, shelf.names())
    text = shelf.files[name][0].read_text(encoding="utf-8", errors="replace")
    if any(secret.in_line(line) for line in text.splitlines()):
        return "# not shown: this file seems to hold a secret\n"
    return text


class Declarations:
    """The declarations of a folder, each read and checked when it is first asked for. Rules see it as `Known`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: SettingsFile = read_settings(folder)
        catalog = folder / "catalog"
        self.shelves: dict[Family, Shelf] = {
            "connection": FileShelf("connection", folder / "connections"),
            **{family: CatalogShelf(family, catalog) for family in CATALOG},
            "export": FileShelf("export", folder / "exports"),
        }
        self._models: dict[tuple[Family, str], Any] = {}
        self._errors: dict[tuple[Family, str], tuple[DefinitionError, ...]] = {}

    def names(self, family: Family) -> Iterable[str]:
        """Every declared name, sound or not."""
        implied = [SYSTEM_REFRESH] if family == "refresh" and not self.unreadable(family) else []
        return {*self.shelves[family].names(), *implied}

    def has(self, family: Family, name: str) -> bool:
        """Whether the name is declared, sound or not."""
        implied = family == "refresh" and name == SYSTEM_REFRESH and not self.unreadable(family)
        return implied or self.shelves[family].has(name)

    def unreadable(self, family: Family) -> bool:
        """Whether there may be more names than `names` knows."""
        self.shelves[family].names()
        return bool(self.shelves[family].strays)

    def get(self, family: Family, name: str) -> Any:
        """The declared model if it is right in itself, else None."""
        if (family, name) not in self._models:
            self._models[family, name] = self._read(family, name)
        return self._models[family, name]

    def errors(self, family: Family, name: str) -> tuple[DefinitionError, ...]:
        """What is wrong with the declaration itself, and with what it says of others."""
        if (family, name) not in self._errors:
            declaration, model = self.shelves[family].get(name), self.get(family, name)
            if declaration is None:
                return ()
            if model is not None:
                for rule in RULES[family]:
                    declaration.errors += [self._place(declaration, p) for p in rule(model, self)]
            self._errors[family, name] = tuple(declaration.errors)
        return self._errors[family, name]

    def reach(self, family: Family, name: str) -> list[tuple[Family, str]]:
        """The declaration and everything it refers to, directly or through others."""
        found: dict[tuple[Family, str], None] = {}
        ahead: list[tuple[Family, str]] = [(family, name)]
        while ahead:
            here = ahead.pop()
            if here not in found:
                found[here] = None
                ahead += [(f, r.name) for r in references(self.get(*here)) for f in r.families]
        return [(f, n) for f, n in found if self.has(f, n)]

    def blockers(self, family: Family, name: str) -> tuple[DefinitionError, ...]:
        """Every error that keeps the declaration from being used."""
        found = [error for f, n in self.reach(family, name) for error in self.errors(f, n)]
        for reference in (r for f, n in self.reach(family, name) for r in references(self.get(f, n))):
            if not any(self.has(f, reference.name) for f in reference.families):
                found += [error for f in reference.families for error in self.shelves[f].strays]
        return _once([*self.settings.errors, *found])

    def strays(self) -> Iterable[DefinitionError]:
        """Errors of files that declare nothing anyone could name."""
        if not self.folder.is_dir():
            what, advice = f"there is no folder {self.folder}", "name the folder of declarations by --include"
            yield DefinitionError(what, next_step=advice)
        yield from misplaced(self.folder / "catalog")
        for shelf in self.shelves.values():
            yield from shelf.strays

    def _read(self, family: Family, name: str) -> Any:
        declaration = self.shelves[family].get(name)
        if declaration is None:
            return SystemRefresh(name=name, type="system") if self.has(family, name) else None
        if declaration.errors:
            return None
        if "name" in declaration.raw:
            home = "key above" if declaration.top else "file's name"
            problem = Problem(("name",), f"`name` is not a key: the {home} is the name", "delete the line", key=True)
            declaration.errors.append(self._place(declaration, problem))
            return None
        raw = self.settings.fill(declaration.raw) if family == "export" else declaration.raw
        try:
            return _ADAPTERS[family].validate_python({**raw, "name": name})
        except ValidationError as error:
            problems = explain(error, _TYPES[family], _noun(family, raw), ("name",))
            declaration.errors += [self._place(declaration, problem) for problem in problems]
            return None

    def _place(self, declaration: Declaration, problem: Problem) -> DefinitionError:
        """An error in what a default gave points into `project.yaml`."""
        first = problem.path[0] if problem.path else None
        if declaration.family == "export" and first not in declaration.raw and first in self.settings.defaults:
            return problem.at(self.settings.place(("defaults", *problem.path), key=problem.key))
        return problem.at(declaration.place(problem.path, key=problem.key))


def _project(declared: Declarations, names: Mapping[Family, Iterable[str]]) -> Project:
    """The sound ones of these declarations."""
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
    """One error to raise for several."""
    first = errors[0]
    more = f"; `sluice check` shows {len(errors) - 1} more" if len(errors) > 1 else ""
    return DefinitionError(
        first.what, place=first.place, nearest=first.nearest, known=first.known, next_step=first.next_step + more
    )


def _once(errors: Iterable[DefinitionError]) -> tuple[DefinitionError, ...]:
    """Each error once, by file and line."""
    pages = {error.page(): error for error in errors}
    return tuple(sorted(pages.values(), key=_order))


def _order(error: DefinitionError) -> tuple[str, int, int, str]:
    place = error.place or Place("")
    return place.file, place.line, place.column, error.what


def _no_export(name: str, known: Iterable[str]) -> DefinitionError:
    problem = unknown((), name, known, f"no export is named `{name}`", "run `sluice check` to see what is declared")
    return DefinitionError(problem.what, nearest=problem.nearest, known=problem.known, next_step=problem.next_step)


def _noun(family: Family, raw: Mapping[str, Any]) -> str:
    """What sentences call a declaration: `a segment`, `a dataset-export`."""
    kind = raw.get("kind") if family == "export" else None
    return f"a {kind}" if kind in kinds() else f"an {family}" if family == "export" else f"a {family}"
