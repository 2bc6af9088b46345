"""The folder of declarations: which files it has, and which names they declare. A file is read when it is asked for.

project.yaml                                   settings, and what exports share
connections/<name>.yaml                        one connection a file
catalog/{datasets,segments,refreshes}.yaml     a mapping of names to declarations, or a folder of such files
exports/**/<name>.yaml                         one export a file; files and folders named `_...` are left out
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sluice.definition import parse, secret
from sluice.definition.position import Document
from sluice.definition.position import Path as Way
from sluice.definition.problem import Problem, shown, unknown
from sluice.definition.sentences import bad_name
from sluice.errors import DefinitionError, Place
from sluice.model.declared import is_name

Family = Literal["connection", "dataset", "segment", "refresh", "export"]
_YAML = re.compile(r"\.ya?ml$", re.IGNORECASE)
CATALOG: dict[Family, str] = {"dataset": "datasets", "segment": "segments", "refresh": "refreshes"}


@dataclass
class Declaration:
    """One declared thing as it was read. Without a document its file could not be read; then it has errors."""

    family: Family
    name: str
    file: str
    document: Document | None = None
    top: Way = ()
    """The way to it from the top of its document."""
    raw: dict[str, Any] = field(default_factory=dict)
    errors: list[DefinitionError] = field(default_factory=list)

    def place(self, path: Way = (), *, key: bool = False, word: str = "") -> Place:
        if self.document is None:
            return Place(self.file)
        if word:
            return self.document.place_of_word((*self.top, *path), word)
        return self.document.place((*self.top, *path), key=key or (bool(self.top) and not path))


class Shelf:
    """The declarations of one family."""

    def __init__(self, family: Family, drafts: parse.Drafts = parse.NO_DRAFTS) -> None:
        self.family = family
        self.drafts = drafts
        self.strays: list[DefinitionError] = []
        """Errors of files whose declarations not even the names are known of."""

    def names(self) -> Iterable[str]:
        raise NotImplementedError

    def has(self, name: str) -> bool:
        return name in self.names()

    def get(self, name: str) -> Declaration | None:
        raise NotImplementedError


class FileShelf(Shelf):
    """One declaration a file, which the file names."""

    def __init__(self, family: Family, folder: Path, drafts: parse.Drafts = parse.NO_DRAFTS) -> None:
        super().__init__(family, drafts)
        self._read: dict[str, Declaration] = {}
        self.files: dict[str, list[Path]] = {}
        for path in yaml_files(folder, self.strays):
            self.files.setdefault(path.stem, []).append(path)

    def names(self) -> Iterable[str]:
        return self.files

    def get(self, name: str) -> Declaration | None:
        if name in self.files and name not in self._read:
            self._read[name] = self._declaration(name)
        return self._read.get(name)

    def _declaration(self, name: str) -> Declaration:
        first, *others = self.files[name]
        read = _whole(self.family, name, first, self.drafts)
        if not is_name(name):
            problem = bad_name((), name)
            read.errors.append(problem.at(Place(str(first))))
        for other in others:
            what = f"a second {self.family} is named `{name}`; the first is {first}"
            read.errors.append(DefinitionError(what, place=Place(str(other)), next_step="rename one of the two files"))
        return read


class CatalogShelf(Shelf):
    """Mappings of names to declarations."""

    def __init__(self, family: Family, catalog: Path, drafts: parse.Drafts = parse.NO_DRAFTS) -> None:
        super().__init__(family, drafts)
        self._paths = [catalog / f"{CATALOG[family]}.yaml"]
        self._paths = [p for p in self._paths if p.is_file()]
        self._paths += yaml_files(catalog / CATALOG[family], self.strays)
        self._read: dict[str, Declaration] | None = None

    def names(self) -> Iterable[str]:
        return self._all()

    def get(self, name: str) -> Declaration | None:
        return self._all().get(name)

    def _all(self) -> dict[str, Declaration]:
        if self._read is None:
            self._read = {}
            for path in self._paths:
                self._take(path, self._read)
        return self._read

    def _take(self, path: Path, into: dict[str, Declaration]) -> None:
        try:
            document = parse.read(path, self.drafts)
        except DefinitionError as error:
            self.strays.append(error)
            return
        secrets = list(secret.find(document))
        for name in document.value:
            declaration = _entry(self.family, name, document)
            # A name can be a secret too: then nothing else is said of it.
            declaration.errors = [e for way, e in secrets if way[:1] in ((name,), ())] or declaration.errors
            if first := into.get(name):
                what = f"a second {self.family} is named `{name}`; the first stands at {first.place()}"
                first.errors.append(
                    DefinitionError(what, place=declaration.place(), next_step="rename or delete one of the two")
                )
            else:
                into[name] = declaration


def _whole(family: Family, name: str, path: Path, drafts: parse.Drafts) -> Declaration:
    """The declaration that fills a file."""
    declaration = Declaration(family, name, str(path))
    try:
        document = parse.read(path, drafts)
    except DefinitionError as error:
        declaration.errors.append(error)
        return declaration
    declaration.errors += [error for _, error in secret.find(document)]
    declaration.document, declaration.raw = document, document.value
    return declaration


def _entry(family: Family, name: str, document: Document) -> Declaration:
    """One declaration of a catalog file."""
    value = document.value[name]
    raw = value if isinstance(value, dict) else {}
    declaration = Declaration(family, name, document.file, document, (name,), raw)
    if not is_name(name):
        declaration.errors.append(bad_name((), name).at(declaration.place()))
    elif not isinstance(value, dict):
        problem = Problem((), f"`{name}` must be a mapping, and is {shown(value)}", "write its keys below its name")
        declaration.errors.append(problem.at(declaration.place()))
    return declaration


def yaml_files(folder: Path, strays: list[DefinitionError]) -> list[Path]:
    """Every `*.yaml` below a folder, sorted, but those that `_` or `.` begin; other spellings become errors."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] not in "_."]
        found += [Path(parent, name) for name in files if name[0] not in "_." and _YAML.search(name)]
    for path in sorted(found):
        if path.suffix != ".yaml":
            what = "this file is not read: declarations end in `.yaml`"
            strays.append(DefinitionError(what, place=Place(str(path)), next_step=f"rename it to {path.stem}.yaml"))
    return [path for path in sorted(found) if path.suffix == ".yaml"]


def misplaced(catalog: Path) -> Iterator[DefinitionError]:
    """Files of the catalog that nobody reads."""
    known = list(CATALOG.values())
    for path in sorted(catalog.glob("*")):
        if path.name[0] in "_." or path.stem in known or path.suffix not in ("", ".yaml", ".yml"):
            continue
        what = f"`{path.name}` is no part of the catalog"
        yield unknown((), path.stem, known, what, "rename it, or move it").at(Place(str(path)))
