"""The folder of declarations: which files it has, and which names they declare. A file is read when it is asked for.

project.yaml                                   settings, and what exports share
connections/<name>.yaml                        one connection a file
catalog/{datasets,segments,refreshes}.yaml     a mapping of names to declarations, or a folder of such files
exports/**/<name>.yaml                         one export a file; files and folders named `_...` are left out

Declarations are regular files in the folder. What else is there is named and not read, but a link that stays in the
folder: Kubernetes mounts files so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sluice.definition.errors.messages import bad_name
from sluice.definition.errors.problem import Problem, shown, unknown
from sluice.definition.yaml import parse, secret
from sluice.definition.yaml.position import Document
from sluice.definition.yaml.position import Path as Way
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
    raw: dict[str, Any] | None = None
    """Its keys; None where they could not be read."""
    errors: list[DefinitionError] = field(default_factory=list)
    secrets: list[Way] = field(default_factory=list)
    """The ways from it to the values that are secrets: nothing else is said of them."""

    @property
    def text(self) -> str:
        """The file that it fills, or its catalog's. One that seems to hold a secret is not given out."""
        lines = self.document.lines if self.document else ()
        if any(secret.in_line(line) for line in lines):
            return "# not shown: this file seems to hold a secret\n"
        return "\n".join(lines)

    def hides(self, path: Way) -> bool:
        """Whether a part of it is a secret, or lies in one."""
        return any(path[: len(way)] == way for way in self.secrets)

    def place(self, path: Way = (), *, key: bool = False, word: str = "") -> Place:
        if self.document is None:
            return Place(self.file)
        if word:
            return self.document.place_of_word((*self.top, *path), word)
        return self.document.place((*self.top, *path), key=key or (bool(self.top) and not path))


class Shelf:
    """The declarations of one family, in `root`, the folder of all declarations."""

    def __init__(self, family: Family, root: Path, drafts: parse.Drafts = parse.NO_DRAFTS) -> None:
        self.family = family
        self.root = root
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

    def __init__(self, family: Family, root: Path, drafts: parse.Drafts = parse.NO_DRAFTS) -> None:
        super().__init__(family, root, drafts)
        self._read: dict[str, Declaration] = {}
        self.files: dict[str, list[Path]] = {}
        for path in yaml_files(root / f"{family}s", self.strays):
            self.files.setdefault(path.stem, []).append(path)

    def names(self) -> Iterable[str]:
        return self.files

    def get(self, name: str) -> Declaration | None:
        if name in self.files and name not in self._read:
            self._read[name] = self._declaration(name)
        return self._read.get(name)

    def _declaration(self, name: str) -> Declaration:
        first, *others = self.files[name]
        read = self._whole(name, first)
        if not is_name(name):
            problem = bad_name((), name)
            read.errors.append(problem.at(Place(str(first))))
        for other in others:
            what = f"a second {self.family} is named `{name}`; the first is {first}"
            read.errors.append(DefinitionError(what, place=Place(str(other)), next_step="rename one of the two files"))
        return read

    def _whole(self, name: str, path: Path) -> Declaration:
        """The declaration that fills a file."""
        declaration = Declaration(self.family, name, str(path))
        try:
            document = parse.read(path, self.drafts, self.root)
        except DefinitionError as error:
            declaration.errors.append(error)
            return declaration
        secrets = list(secret.find(document))
        declaration.secrets = [way for way, _ in secrets]
        declaration.errors = [error for _, error in secrets]
        declaration.document, declaration.raw = document, document.value
        return declaration


class CatalogShelf(Shelf):
    """Mappings of names to declarations."""

    def __init__(self, family: Family, root: Path, drafts: parse.Drafts = parse.NO_DRAFTS) -> None:
        super().__init__(family, root, drafts)
        catalog = root / "catalog"
        self._paths = [catalog / f"{CATALOG[family]}.yaml"]
        self._paths = [path for path in self._paths if os.path.lexists(path)]
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
            document = parse.read(path, self.drafts, self.root)
        except DefinitionError as error:
            self.strays.append(error)
            return
        secrets = list(secret.find(document))
        for name in document.value:
            declaration = _entry(self.family, name, document)
            own = [(way[1:], error) for way, error in secrets if way[:1] in ((name,), ())]
            declaration.secrets = [way for way, _ in own]
            # A name can be a secret too: then nothing else is said of it.
            declaration.errors = [error for _, error in own] or declaration.errors
            if first := into.get(name):
                what = f"a second {self.family} is named `{name}`; the first stands at {first.place()}"
                first.errors.append(
                    DefinitionError(what, place=declaration.place(), next_step="rename or delete one of the two")
                )
            else:
                into[name] = declaration


def _entry(family: Family, name: str, document: Document) -> Declaration:
    """One declaration of a catalog file."""
    value = document.value[name]
    raw = value if isinstance(value, dict) else None
    declaration = Declaration(family, name, document.file, document, (name,), raw)
    if not is_name(name):
        declaration.errors.append(bad_name((), name).at(declaration.place()))
    if not isinstance(value, dict):
        problem = Problem((), f"`{name}` must be a mapping, and is {shown(value)}", "write its keys below its name")
        declaration.errors.append(problem.at(declaration.place()))
    return declaration


def yaml_files(folder: Path, strays: list[DefinitionError]) -> list[Path]:
    """Every `*.yaml` below a folder, sorted, but those that `_` or `.` begin; what else may be meant as a declaration
    becomes an error."""
    if not folder.is_dir():
        if os.path.lexists(folder):
            strays.append(_stray(folder, f"`{folder.name}` is no folder", "make it one, with declarations in it"))
        return []
    found: list[Path] = []
    links: list[Path] = []
    closed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if name[0] not in "_."]
        links += [path for path in (Path(parent, name) for name in folders) if path.is_symlink()]
        found += [Path(parent, name) for name in files if name[0] not in "_." and _YAML.search(name)]
    strays += [_stray(path, "this folder is a link: nothing in it is read", "put the folder here") for path in links]
    strays += [_stray(Path(e.filename), f"the folder cannot be read: {e.strerror}", "see who may") for e in closed]
    strays += [_misspelt(path) for path in found if path.suffix != ".yaml"]
    return sorted(path for path in found if path.suffix == ".yaml")


def _misspelt(path: Path) -> DefinitionError:
    return _stray(path, "this file is not read: declarations end in `.yaml`", f"rename it to {path.stem}.yaml")


def _stray(path: Path, what: str, next_step: str) -> DefinitionError:
    return DefinitionError(what, place=Place(str(path)), next_step=next_step)


def misplaced(catalog: Path) -> Iterator[DefinitionError]:
    """Files of the catalog that nobody reads."""
    if os.path.lexists(catalog) and not catalog.is_dir():
        yield _stray(catalog, "`catalog` is no folder", "make it one, with declarations in it")
    known = list(CATALOG.values())
    for path in sorted(catalog.glob("*")):
        if path.stem in known and path.suffix.lower() in (".yml", ".yaml") and path.suffix != ".yaml":
            yield _misspelt(path)
        if path.name[0] in "_." or path.stem in known or path.suffix not in ("", ".yaml", ".yml"):
            continue
        what = f"`{path.name}` is no part of the catalog"
        yield unknown((), path.stem, known, what, "rename it, or move it").at(Place(str(path)))
