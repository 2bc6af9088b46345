"""All declarations of a folder, each read and checked on first use."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sluice.definition.check import RULES, WARNINGS
from sluice.definition.errors.explain import explain
from sluice.definition.errors.location import fields
from sluice.definition.errors.problem import Problem
from sluice.definition.folder import CATALOG, CatalogShelf, Declaration, Family, FileShelf, Shelf, misplaced
from sluice.definition.models.catalog import SYSTEM_REFRESH, Dataset, Refresh, Segment, SystemRefresh
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import Export, ExportBase
from sluice.definition.partial import of_it, partial
from sluice.definition.references import references
from sluice.definition.settings import SettingsFile, kind_of, read_settings
from sluice.definition.yaml import parse
from sluice.definition.yaml.position import Path
from sluice.errors import DefinitionError, Place, internal
from sluice.model.declared import is_name

_TYPES: dict[Family, Any] = {
    "connection": Connection,
    "dataset": Dataset,
    "segment": Segment,
    "refresh": Refresh,
    "export": Export,
}
_ADAPTERS: dict[Family, TypeAdapter[Any]] = {family: TypeAdapter(model) for family, model in _TYPES.items()}
_ANY_EXPORT = TypeAdapter(ExportBase)


@dataclass(frozen=True)
class _Read:
    """A declaration on its own: its model, or, if it is invalid, a model of its valid keys."""

    model: Any = None
    half: Any = None
    wrong: frozenset[str] = frozenset()
    """The keys that already have an error."""


class Declarations:
    """All declarations of a folder, each read and checked on first use. Rules see it as `Known`.

    An internal error while one declaration is read becomes that declaration's error. It does not affect the others."""

    def __init__(self, folder: FilePath, drafts: parse.Drafts = parse.NO_DRAFTS) -> None:
        self.folder = folder
        self.settings: SettingsFile = read_settings(folder, drafts)
        self.shelves: dict[Family, Shelf] = {
            "connection": FileShelf("connection", folder, drafts),
            **{family: CatalogShelf(family, folder, drafts) for family in CATALOG},
            "export": FileShelf("export", folder, drafts),
        }
        self._known: dict[tuple[Family, str], _Read] = {}
        self._errors: dict[tuple[Family, str], tuple[DefinitionError, ...]] = {}

    def names(self, family: Family) -> Iterable[str]:
        """Every declared name, valid or not."""
        implied = [SYSTEM_REFRESH] if family == "refresh" and not self.unreadable(family) else []
        return {*self.shelves[family].names(), *implied}

    def has(self, family: Family, name: str) -> bool:
        """Whether the name is declared, valid or not."""
        implied = family == "refresh" and name == SYSTEM_REFRESH and not self.unreadable(family)
        return implied or self.shelves[family].has(name)

    def unreadable(self, family: Family) -> bool:
        """Whether an unreadable file may declare more names than `names` returns."""
        self.shelves[family].names()
        return bool(self.shelves[family].strays)

    def get(self, family: Family, name: str) -> Any:
        """The declared model if it is valid on its own, else None."""
        return self._read(family, name).model

    def errors(self, family: Family, name: str) -> tuple[DefinitionError, ...]:
        """The errors of the declaration itself and of its references."""
        if (family, name) not in self._errors:
            declaration, read = self.shelves[family].get(name), self._read(family, name)
            if declaration is None:
                return ()
            for rule in RULES[family]:
                with _guard(declaration, declaration.errors):
                    found = rule(read.model, self) if read.model else of_it(rule, read.half, read.wrong, self)
                    declaration.errors += [self._at(declaration, problem) for problem in found]
            self._errors[family, name] = tuple(declaration.errors)
        return self._errors[family, name]

    def warnings(self, family: Family, name: str) -> tuple[DefinitionError, ...]:
        """The warnings of a declaration that is valid on its own."""
        declaration, model = self.shelves[family].get(name), self.get(family, name)
        found: list[DefinitionError] = []
        if declaration is None or model is None:
            return ()
        for rule in WARNINGS.get(family, ()):
            with _guard(declaration, found):
                found += [self._at(declaration, problem) for problem in rule(model, self)]
        return tuple(found)

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
        """All errors that prevent the declaration from being used, including those of its dependencies."""
        found = [error for f, n in self.reach(family, name) for error in self.errors(f, n)]
        for reference in (r for f, n in self.reach(family, name) for r in references(self.get(f, n))):
            if not any(self.has(f, reference.name) for f in reference.families):
                found += [error for f in reference.families for error in self.shelves[f].strays]
        return once([*self.settings.errors, *found])

    def strays(self) -> Iterable[DefinitionError]:
        """Errors of files and folders that belong to no declared name."""
        exports = self.folder / "exports"
        if not self.folder.is_dir():
            what = f"the folder {self.folder} does not exist"
            yield DefinitionError(what, next_step="name the folder of declarations with --include")
        elif not os.path.lexists(exports):
            what = f"the folder {exports} does not exist, so there are no exports"
            advice = "create it, with one file per export, or name another folder of declarations with --include"
            yield DefinitionError(what, next_step=advice)
        yield from misplaced(self.folder / "catalog")
        for shelf in self.shelves.values():
            yield from shelf.strays

    def _read(self, family: Family, name: str) -> _Read:
        if (family, name) not in self._known:
            declaration = self.shelves[family].get(name)
            if declaration is None:
                implied = SystemRefresh(name=name, type="system") if self.has(family, name) else None
                return self._known.setdefault((family, name), _Read(implied))
            self._known[family, name] = _Read()
            with _guard(declaration, declaration.errors):
                self._known[family, name] = self._validated(declaration)
        return self._known[family, name]

    def _validated(self, declaration: Declaration) -> _Read:
        """Validate the declaration on its own, and add the problems to its errors."""
        if declaration.raw is None:
            return _Read()
        family, name = declaration.family, declaration.name
        raw = self.settings.fill(declaration.raw) if family == "export" else declaration.raw
        raw = {**raw, "name": name if is_name(name) else "name"}
        model, problems = _model(family, raw)
        if "name" in declaration.raw:
            home = "key above it" if declaration.top else "file's name"
            what = f"`name` is not a key: the name is the {home}"
            problems.append(Problem(("name",), what, "delete the line", key=True))
        declaration.errors += [self._at(declaration, p) for p in problems if not declaration.hides(p.path)]
        if not declaration.errors:
            return _Read(model)
        if declaration.secrets:
            return _Read()
        wrong = frozenset(str(p.path[0]) for p in problems if p.path)
        root = kind_of(raw) or ExportBase if family == "export" else _TYPES[family]
        return _Read(None, partial(root, raw, wrong if is_name(name) else wrong | {"name"}), wrong)

    def place(self, declaration: Declaration, path: Path = (), *, key: bool = False, word: str = "") -> Place:
        """The place of a part of the declaration, or of a word in it. The place of a default is in `project.yaml`."""
        defaults = self.settings.defaults if declaration.family == "export" else {}
        if path and path[0] in defaults and path[0] not in (declaration.raw or {}):
            return self.settings.place(("defaults", *path), key=key, word=word)
        return declaration.place(path, key=key, word=word)

    def _at(self, declaration: Declaration, problem: Problem) -> DefinitionError:
        return problem.at(self.place(declaration, problem.path, key=problem.key))


def once(errors: Iterable[DefinitionError]) -> tuple[DefinitionError, ...]:
    """The errors without duplicates, sorted by file and line."""
    pages = {error.page(): error for error in errors}
    return tuple(sorted(pages.values(), key=_order))


def _order(error: DefinitionError) -> tuple[str, int, int, str]:
    place = error.place or Place("")
    return place.file, place.line, place.column, error.what


@contextmanager
def _guard(declaration: Declaration, errors: list[DefinitionError]) -> Iterator[None]:
    """Turn an internal error in the block into an error of this declaration."""
    try:
        yield
    except Exception as error:
        errors.append(internal(error, declaration.place()))


def _model(family: Family, raw: dict[str, Any]) -> tuple[Any, list[Problem]]:
    """The model, or None and the problems. An export without a valid kind is checked against the keys that all kinds
    share."""
    try:
        return _ADAPTERS[family].validate_python(raw), []
    except ValidationError as error:
        problems = explain(error, _TYPES[family], _noun(family, raw), ("name",))
    if family == "export" and kind_of(raw) is None:
        try:
            _ANY_EXPORT.validate_python({key: value for key, value in raw.items() if key in fields(ExportBase)})
        except ValidationError as error:
            problems += explain(error, ExportBase, "an export", ("name",))
    return None, problems


def _noun(family: Family, raw: Mapping[str, Any]) -> str:
    """The declaration's name in messages: `a segment`, `a dataset-export`."""
    if family == "export":
        return f"a {raw['kind']}" if kind_of(raw) else "an export"
    return f"a {family}"
