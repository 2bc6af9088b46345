"""The folder of declarations: its files, and the names that they declare. A file is read on first use.

project.yaml                                   settings, and defaults for exports
connections/<name>.yaml                        one connection per file
catalog/{datasets,segments,refreshes}.yaml     a mapping of names to declarations, or a folder of such files
exports/**/<name>.yaml                         one export per file; files and folders named `_...` are ignored

Declarations are regular files in the folder. Links within the folder are followed, because Kubernetes mounts files that
way. Anything else is reported and not read.
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
from sluice.definition.yaml.documents import Documents
from sluice.definition.yaml.position import Document
from sluice.definition.yaml.position import Path as Way
from sluice.errors import DefinitionError, Place
from sluice.model.declared import is_name

Family = Literal["connection", "dataset", "segment", "refresh", "export"]
HIDDEN = "# not shown: this file may contain a secret\n"
"""Replaces a text that may contain a secret."""
_YAML = re.compile(r"\.ya?ml$", re.IGNORECASE)
CATALOG: dict[Family, str] = {"dataset": "datasets", "segment": "segments", "refresh": "refreshes"}


@dataclass
class Declaration:
    """One declaration as it was read. If its file could not be read, it has errors and no document."""

    family: Family
    name: str
    file: str
    document: Document | None = None
    top: Way = ()
    """The path to it from the top of its document."""
    raw: dict[str, Any] | None = None
    """Its keys; None if they could not be read."""
    errors: list[DefinitionError] = field(default_factory=list)
    secrets: list[Way] = field(default_factory=list)
    """The paths from it to values that are secrets. They get no other errors."""

    @property
    def text(self) -> str:
        """The text of its file. A file that may contain a secret is replaced by a comment."""
        if self.document is None:
            return ""
        return HIDDEN if secret.possible(self.document) else "\n".join(self.document.lines)

    def hides(self, path: Way) -> bool:
        """Whether a part of it is a secret, or within one."""
        return any(path[: len(way)] == way for way in self.secrets)

    def place(self, path: Way = (), *, key: bool = False, word: str = "") -> Place:
        if self.document is None:
            return Place(self.file)
        if word:
            return self.document.place_of_word((*self.top, *path), word)
        return self.document.place((*self.top, *path), key=key or (bool(self.top) and not path))


class Shelf:
    """The declarations of one family. `root` is the folder of all declarations."""

    def __init__(
        self,
        family: Family,
        root: Path,
        drafts: parse.Drafts = parse.NO_DRAFTS,
        documents: Documents | None = None,
    ) -> None:
        self.family = family
        self.root = root
        self.drafts = drafts
        self.documents = documents
        self.strays: list[DefinitionError] = []
        """Errors of files whose declared names are unknown."""

    def names(self) -> Iterable[str]:
        raise NotImplementedError

    def has(self, name: str) -> bool:
        return name in self.names()

    def get(self, name: str) -> Declaration | None:
        raise NotImplementedError


class FileShelf(Shelf):
    """One declaration per file. The file's name is its name."""

    def __init__(
        self,
        family: Family,
        root: Path,
        drafts: parse.Drafts = parse.NO_DRAFTS,
        documents: Documents | None = None,
    ) -> None:
        super().__init__(family, root, drafts, documents)
        self._read: dict[str, Declaration] = {}
        self.files: dict[str, list[Path]] = {}
        for path in _planned(root / f"{family}s", self.strays, drafts):
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
            read.errors.append(DefinitionError(what, place=Place(str(other)), next_step="rename one of the files"))
        return read

    def _whole(self, name: str, path: Path) -> Declaration:
        """Read a file that holds one declaration."""
        declaration = Declaration(self.family, name, str(path))
        try:
            document = parse.read(path, self.drafts, self.root, self.documents)
        except DefinitionError as error:
            declaration.errors.append(error)
            return declaration
        secrets = secret.find(document)
        declaration.secrets = [way for way, _ in secrets]
        declaration.errors = [error for _, error in secrets]
        declaration.document, declaration.raw = document, document.value
        return declaration


class CatalogShelf(Shelf):
    """Files that map names to declarations."""

    def __init__(
        self,
        family: Family,
        root: Path,
        drafts: parse.Drafts = parse.NO_DRAFTS,
        documents: Documents | None = None,
    ) -> None:
        super().__init__(family, root, drafts, documents)
        catalog = root / "catalog"
        self._paths = [catalog / f"{CATALOG[family]}.yaml"]
        self._paths = [path for path in self._paths if parse.exists(path, drafts)]
        self._paths += _planned(catalog / CATALOG[family], self.strays, drafts)
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
            document = parse.read(path, self.drafts, self.root, self.documents)
        except DefinitionError as error:
            self.strays.append(error)
            return
        secrets = secret.find(document)
        for name in document.value:
            declaration = _entry(self.family, name, document)
            own = [(way[1:], error) for way, error in secrets if way[:1] in ((name,), ())]
            declaration.secrets = [way for way, _ in own]
            # If the name itself is a secret, it gets no other errors.
            declaration.errors = [error for _, error in own] or declaration.errors
            if first := into.get(name):
                what = f"a second {self.family} is named `{name}`; the first is at {first.place()}"
                first.errors.append(
                    DefinitionError(what, place=declaration.place(), next_step="rename or delete one of them")
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
        what = f"`{name}` is empty" if value is None else f"`{name}` must be a mapping, not {shown(value)}"
        problem = Problem((), what, "write its keys below its name")
        declaration.errors.append(problem.at(declaration.place()))
    return declaration


def _planned(folder: Path, strays: list[DefinitionError], drafts: parse.Drafts) -> list[Path]:
    """`yaml_files` as they will be: with new drafts, and without removed files."""
    found = yaml_files(folder, strays)
    if not drafts:
        return found
    new = {path for path in drafts if path.is_relative_to(folder)}
    return sorted(path for path in new.union(found) if parse.exists(path, drafts))


def yaml_files(folder: Path, strays: list[DefinitionError]) -> list[Path]:
    """Every `*.yaml` file below a folder, sorted, except names that start with `_` or `.`. Anything else that may be
    meant as a declaration is added to `strays` as an error."""
    if not folder.is_dir():
        if os.path.lexists(folder):
            strays.append(_no_folder(folder))
        return []
    # Text instead of `Path` where it can be: each start of a task lists every file.
    found: list[str] = []
    links: list[Path] = []
    misspelt: list[Path] = []
    closed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if name[0] not in "_."]
        links += [path for path in (Path(parent, name) for name in folders) if path.is_symlink()]
        seen = [name for name in files if name[0] not in "_."]
        found += [f"{parent}{os.sep}{name}" for name in seen if name.endswith(".yaml")]
        misspelt += [Path(parent, name) for name in seen if _YAML.search(name) and not name.endswith(".yaml")]
    strays += [_linked(path) for path in links]
    strays += [_closed(error) for error in closed]
    strays += [_misspelt(path) for path in misspelt]
    return [Path(path) for path in sorted(found, key=lambda path: path.split(os.sep))]  # noqa: PTH206 - of text


def _no_folder(path: Path) -> DefinitionError:
    return _stray(path, f"`{path.name}` is not a folder", "replace it with a folder of declarations")


def _linked(path: Path) -> DefinitionError:
    return _stray(path, "this folder is a link, so it is not read", "replace the link with the folder itself")


def _closed(error: OSError) -> DefinitionError:
    return _stray(Path(error.filename), f"the folder cannot be read: {error.strerror}", "check its permissions")


def _misspelt(path: Path) -> DefinitionError:
    return _stray(
        path, "this file is not read, because its name does not end in `.yaml`", f"rename it to {path.stem}.yaml"
    )


def _stray(path: Path, what: str, next_step: str) -> DefinitionError:
    return DefinitionError(what, place=Place(str(path)), next_step=next_step)


def misplaced(catalog: Path) -> Iterator[DefinitionError]:
    """Errors of files in the catalog's folder that are not read."""
    if os.path.lexists(catalog) and not catalog.is_dir():
        yield _no_folder(catalog)
    known = list(CATALOG.values())
    for path in sorted(catalog.glob("*")):
        if path.stem in known and path.suffix.lower() in (".yml", ".yaml") and path.suffix != ".yaml":
            yield _misspelt(path)
        if path.name[0] in "_." or path.stem in known or path.suffix not in ("", ".yaml", ".yml"):
            continue
        what = f"`{path.name}` is not part of the catalog"
        yield unknown((), path.stem, known, what, "rename it, or move it").at(Place(str(path)))
