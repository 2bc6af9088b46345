"""All declarations of a folder, each read and checked on first use."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from sluice.definition.check import errors_of, notes_of, warnings_of
from sluice.definition.default_end import with_default_end
from sluice.definition.errors.explain import explain
from sluice.definition.errors.location import fields
from sluice.definition.errors.problem import Problem
from sluice.definition.folder import CATALOG, CatalogShelf, Declaration, Family, FileShelf, Shelf, misplaced
from sluice.definition.memory import Kept, Memory, Trace
from sluice.definition.models.catalog import SYSTEM_REFRESH, Dataset, Refresh, Segment, SystemRefresh
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import Export, ExportBase
from sluice.definition.models.project import Settings
from sluice.definition.partial import of_it, partial
from sluice.definition.references import Reference, references
from sluice.definition.rules.known import Rule
from sluice.definition.settings import SettingsFile, kind_of, read_settings
from sluice.definition.yaml import parse
from sluice.definition.yaml.position import Path
from sluice.errors import DefinitionError, Place, internal
from sluice.model.declared import is_name

TYPES: dict[Family, Any] = {
    "connection": Connection,
    "dataset": Dataset,
    "segment": Segment,
    "refresh": Refresh,
    "export": Export,
}
"""The model of each family, or the union of its models."""
_ADAPTERS: dict[Family, TypeAdapter[Any]] = {family: TypeAdapter(model) for family, model in TYPES.items()}
_ANY_EXPORT = TypeAdapter(ExportBase)


@dataclass(frozen=True)
class _Read:
    """A declaration on its own: its model, or, if it is invalid, a model of its valid keys."""

    model: Any = None
    half: Any = None
    wrong: frozenset[str] = frozenset()
    """The keys that already have an error."""


_IMPLIED = _Read(SystemRefresh(name=SYSTEM_REFRESH, type="system"))


class Declarations:
    """All declarations of a folder, each read and checked on first use. Rules see it as `Known`.

    An internal error while one declaration is read becomes that declaration's error. It does not affect the others."""

    def __init__(self, folder: FilePath, drafts: parse.Drafts = parse.NO_DRAFTS, memory: Memory | None = None) -> None:
        self.folder = folder
        self._memory = memory or Memory()
        documents = self._memory.documents
        self.settings: SettingsFile = read_settings(folder, drafts, documents)
        self.shelves: dict[Family, Shelf] = {
            "connection": FileShelf("connection", folder, drafts, documents),
            **{family: CatalogShelf(family, folder, drafts, documents) for family in CATALOG},
            "export": FileShelf("export", folder, drafts, documents),
        }
        self._known: dict[tuple[Family, str], _Read] = {}
        self._referred: dict[tuple[Family, str], Sequence[Reference]] = {}
        self._errors: dict[tuple[Family, str], tuple[DefinitionError, ...]] = {}

    @property
    def project(self) -> Settings:
        """The project's settings, or the defaults if they are invalid."""
        return self.settings.settings

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
            declaration.errors += self._broken(declaration, read, "errors", errors_of(family, self.settings.settings))
            self._errors[family, name] = tuple(declaration.errors)
        return self._errors[family, name]

    def warnings(self, family: Family, name: str) -> tuple[DefinitionError, ...]:
        """The warnings of a declaration that is valid on its own."""
        return self._said(family, name, "warnings", warnings_of(family, self.settings.settings))

    def notes(self, family: Family, name: str) -> tuple[DefinitionError, ...]:
        """What is worth knowing about a declaration that is valid on its own."""
        return self._said(family, name, "notes", notes_of(family, self.settings.settings))

    def _said(self, family: Family, name: str, what: str, rules: Sequence[Rule]) -> tuple[DefinitionError, ...]:
        declaration, read = self.shelves[family].get(name), self._read(family, name)
        if declaration is None or read.model is None or not rules:
            return ()
        return tuple(self._broken(declaration, read, what, rules))

    def reach(self, family: Family, name: str) -> list[tuple[Family, str]]:
        """The declaration and everything it refers to, directly or through others."""
        found: dict[tuple[Family, str], None] = {}
        ahead: list[tuple[Family, str]] = [(family, name)]
        while ahead:
            here = ahead.pop()
            if here not in found:
                found[here] = None
                ahead += [(f, r.name) for r in self._references(*here) for f in r.families]
        return [(f, n) for f, n in found if self.has(f, n)]

    def blockers(self, family: Family, name: str) -> tuple[DefinitionError, ...]:
        """All errors that prevent the declaration from being used, including those of its dependencies."""
        reached = self.reach(family, name)
        found = [error for f, n in reached for error in self.errors(f, n)]
        for reference in (r for f, n in reached for r in self._references(f, n)):
            if not any(self.has(f, reference.name) for f in reference.families):
                found += [error for f in reference.families for error in self.shelves[f].strays]
        return once([*self.settings.errors, *found])

    def _references(self, family: Family, name: str) -> Sequence[Reference]:
        if (family, name) not in self._referred:
            self._referred[family, name] = tuple(references(self.get(family, name)))
        return self._referred[family, name]

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

    def _broken(
        self, declaration: Declaration, read: _Read, what: str, rules: Sequence[Rule]
    ) -> Sequence[DefinitionError]:
        """The problems that rules find in a declaration."""
        key = (what, declaration.family, declaration.name)
        kept = self._memory.find(key, declaration, self.settings.document)
        if kept and kept.value is read and kept.trace and kept.trace.holds(self):
            return kept.errors
        found: list[DefinitionError] = []
        trace = Trace(self)
        for rule in rules:
            with _guard(declaration, found):
                problems = rule(read.model, trace) if read.model else of_it(rule, read.half, read.wrong, trace)
                found += [self._at(declaration, problem) for problem in problems]
        trace.end()
        if declaration.document:
            self._memory.keep(key, Kept(declaration.document, self.settings.document, read, found, trace))
        return found

    def _read(self, family: Family, name: str) -> _Read:
        if (family, name) not in self._known:
            declaration = self.shelves[family].get(name)
            if declaration is None:
                return self._known.setdefault((family, name), _IMPLIED if self.has(family, name) else _Read())
            self._known[family, name] = _Read()
            with _guard(declaration, declaration.errors):
                self._known[family, name] = self._remembered(declaration)
        return self._known[family, name]

    def _remembered(self, declaration: Declaration) -> _Read:
        """Like `_validated`. Declarations with errors that come from other files are not remembered."""
        key, defaults = ("read", declaration.family, declaration.name), self.settings.document
        if declaration.document is None or declaration.errors:
            return self._validated(declaration)
        if kept := self._memory.find(key, declaration, defaults):
            declaration.errors += kept.errors
            return cast("_Read", kept.value)
        read = self._validated(declaration)
        self._memory.keep(key, Kept(declaration.document, defaults, read, tuple(declaration.errors)))
        return read

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
            return _Read(with_default_end(model, self.project.licence))
        if declaration.secrets:
            return _Read()
        wrong = frozenset(str(p.path[0]) for p in problems if p.path)
        root = kind_of(raw) or ExportBase if family == "export" else TYPES[family]
        return _Read(None, partial(root, raw, wrong if is_name(name) else wrong | {"name"}), wrong)

    def remember_only_these(self) -> None:
        """Forget what was remembered of other declarations."""
        found = [self.shelves[family].get(name) for family in self.shelves for name in self.shelves[family].names()]
        documents = [one.document for one in found if one and one.document]
        self._memory.keep_only([*documents, *([self.settings.document] if self.settings.document else [])])

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
        problems = explain(error, TYPES[family], _noun(family, raw), ("name",))
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
