"""The declarations of a folder together, each read and checked when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sluice.definition import parse
from sluice.definition.catalog import SYSTEM_REFRESH, Dataset, Refresh, Segment, SystemRefresh
from sluice.definition.check import RULES, WARNINGS
from sluice.definition.connection import Connection
from sluice.definition.explain import explain
from sluice.definition.export import Export
from sluice.definition.folder import CATALOG, CatalogShelf, Declaration, Family, FileShelf, Shelf, misplaced
from sluice.definition.position import Path
from sluice.definition.problem import Problem
from sluice.definition.refer import references
from sluice.definition.settings import SettingsFile, kinds, read_settings
from sluice.errors import DefinitionError, Place

_TYPES: dict[Family, Any] = {
    "connection": Connection,
    "dataset": Dataset,
    "segment": Segment,
    "refresh": Refresh,
    "export": Export,
}
_ADAPTERS: dict[Family, TypeAdapter[Any]] = {family: TypeAdapter(model) for family, model in _TYPES.items()}


class Declarations:
    """The declarations of a folder, each read and checked when it is first asked for. Rules see it as `Known`."""

    def __init__(self, folder: FilePath, drafts: parse.Drafts = parse.NO_DRAFTS) -> None:
        self.folder = folder
        self.settings: SettingsFile = read_settings(folder, drafts)
        catalog = folder / "catalog"
        self.shelves: dict[Family, Shelf] = {
            "connection": FileShelf("connection", folder / "connections", drafts),
            **{family: CatalogShelf(family, catalog, drafts) for family in CATALOG},
            "export": FileShelf("export", folder / "exports", drafts),
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
                    declaration.errors += [self._at(declaration, p) for p in rule(model, self)]
            self._errors[family, name] = tuple(declaration.errors)
        return self._errors[family, name]

    def warnings(self, family: Family, name: str) -> tuple[DefinitionError, ...]:
        """What may not be meant in a declaration that is right in itself."""
        declaration, model = self.shelves[family].get(name), self.get(family, name)
        if declaration is None or model is None:
            return ()
        return tuple(self._at(declaration, p) for rule in WARNINGS.get(family, ()) for p in rule(model, self))

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
        return once([*self.settings.errors, *found])

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
            declaration.errors.append(self._at(declaration, problem))
            return None
        raw = self.settings.fill(declaration.raw) if family == "export" else declaration.raw
        try:
            return _ADAPTERS[family].validate_python({**raw, "name": name})
        except ValidationError as error:
            problems = explain(error, _TYPES[family], _noun(family, raw), ("name",))
            declaration.errors += [self._at(declaration, problem) for problem in problems]
            return None

    def place(self, declaration: Declaration, path: Path = (), *, key: bool = False, word: str = "") -> Place:
        """Where a part of the declaration stands, or a word in it: what a default gave, in `project.yaml`."""
        defaults = self.settings.defaults if declaration.family == "export" else {}
        if path and path[0] in defaults and path[0] not in declaration.raw:
            return self.settings.place(("defaults", *path), key=key, word=word)
        return declaration.place(path, key=key, word=word)

    def _at(self, declaration: Declaration, problem: Problem) -> DefinitionError:
        return problem.at(self.place(declaration, problem.path, key=problem.key))


def once(errors: Iterable[DefinitionError]) -> tuple[DefinitionError, ...]:
    """Each error once, by file and line."""
    pages = {error.page(): error for error in errors}
    return tuple(sorted(pages.values(), key=_order))


def _order(error: DefinitionError) -> tuple[str, int, int, str]:
    place = error.place or Place("")
    return place.file, place.line, place.column, error.what


def _noun(family: Family, raw: Mapping[str, Any]) -> str:
    """What sentences call a declaration: `a segment`, `a dataset-export`."""
    kind = raw.get("kind") if family == "export" else None
    return f"a {kind}" if kind in kinds() else f"an {family}" if family == "export" else f"a {family}"
