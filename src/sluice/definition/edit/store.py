"""The store of declarations: it lists and reads them, drafts changes, and writes drafts. The page, the commands and
imports write through `access.editor` only.

A change is checked with the whole project, under a lock, before anything is written. Exports and connections are one
file each. Datasets, segments and refreshes share files, so only their files are read and replaced here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sluice.definition.declarations import Declarations
from sluice.definition.edit.write import Draft, ReadOnlyError, StaleError, check, content, locked, write
from sluice.definition.errors.messages import bad_name
from sluice.definition.errors.problem import shown as quoted
from sluice.definition.errors.problem import unknown
from sluice.definition.folder import CATALOG, Family
from sluice.definition.memory import Memory
from sluice.definition.yaml.parse import MAX_BYTES, read_bytes
from sluice.errors import DefinitionError, Place
from sluice.model.declared import is_name


class MissingError(DefinitionError):
    """There is no declaration of this name."""


@dataclass(frozen=True)
class Author:
    """Who changes a declaration."""

    name: str
    email: str = ""


@dataclass(frozen=True)
class Stored:
    """One declaration's file as it was read."""

    family: Family
    name: str
    path: Path
    body: bytes

    @property
    def tag(self) -> str:
        """The version of the text. Two texts have the same tag only if they are equal."""
        return tag_of(self.body)


@dataclass(frozen=True)
class Change:
    """What was written, and the warnings that it causes."""

    drafts: tuple[Draft, ...]
    warnings: tuple[DefinitionError, ...] = ()


class Reader:
    """The declarations in a folder. `creating`, `replacing`, `renaming` and `removing` return drafts and write nothing.
    `tag` is the version that the caller has read: `StaleError` if it is not the current one."""

    def __init__(self, folder: Path, memory: Memory | None = None) -> None:
        self.folder, self.memory = folder, memory

    def list(self, family: Family) -> Iterable[Stored]:
        """Every declaration of a family that can be read, valid or not, by name."""
        shelf = Declarations(self.folder).shelves[family]
        for name in sorted(shelf.names()):
            declaration = shelf.get(name)
            body = content(Path(declaration.file)) if declaration else None
            if declaration and body is not None:
                yield Stored(family, name, Path(declaration.file), body)

    def get(self, family: Family, name: str) -> Stored:
        """One declaration. Raises `DefinitionError` if there is none of this name."""
        return stored_in(Declarations(self.folder), family, name)

    def creating(self, family: Family, name: str, text: str) -> Sequence[Draft]:
        """The drafts that add a declaration. Raises `DefinitionError` if the name is taken or invalid."""
        path = self._new_path(family, name)
        return [Draft(path, None, _body(text, path))]

    def replacing(self, family: Family, name: str, text: str, tag: str) -> Sequence[Draft]:
        """The drafts that give a declaration another text."""
        stored = self._current(family, name, tag)
        return [Draft(stored.path, stored.body, _body(text, stored.path))]

    def renaming(self, family: Family, name: str, new: str, tag: str) -> Sequence[Draft]:
        """The drafts that give a declaration another name."""
        stored = self._current(family, name, tag)
        path = self._new_path(family, new, stored.path.parent)
        return [Draft(stored.path, stored.body, None), Draft(path, None, stored.body)]

    def removing(self, family: Family, name: str, tag: str) -> Sequence[Draft]:
        """The drafts that remove a declaration."""
        self._own_file(family)
        stored = self._current(family, name, tag)
        return [Draft(stored.path, stored.body, None)]

    def _current(self, family: Family, name: str, tag: str) -> Stored:
        stored = self.get(family, name)
        if stored.tag != tag:
            raise StaleError(stored.path, stored.body)
        return stored

    def _new_path(self, family: Family, name: str, folder: Path | None = None) -> Path:
        self._own_file(family)
        if not is_name(name):
            raise bad_name((), name).error()
        shelf = Declarations(self.folder).shelves[family]
        path = (folder or self.folder / f"{family}s") / f"{name}.yaml"
        if shelf.has(name) or content(path) is not None:
            what = f"another {family} is already named `{name}`"
            raise DefinitionError(what, place=Place(str(path)), next_step="choose another name")
        return path

    def _own_file(self, family: Family) -> None:
        if family in CATALOG:
            what = f"a {family} shares its file with others"
            file = self.folder / "catalog" / f"{CATALOG[family]}.yaml"
            raise DefinitionError(what, place=Place(str(file)), next_step="edit that file as a whole")


class Store(Reader):
    """Writes drafts too. `change` raises `DefinitionError` if the project would become invalid, for example by a
    reference to a removed declaration, and `ReadOnlyError` with a patch if the folder cannot be written."""

    def change(self, drafts: Sequence[Draft], author: Author, why: str) -> Change:
        """Check the drafts with the whole project, and write all of them, or none."""
        wanted = tuple(draft for draft in drafts if draft.after != draft.before)
        with locked(self.folder):
            warnings = check(self.folder, wanted, self.memory)
            self.write(wanted, author, why)
        return Change(wanted, warnings)

    def write(self, drafts: Sequence[Draft], author: Author, why: str) -> None:  # noqa: ARG002 - for other stores
        """Write checked drafts."""
        write(drafts, self.folder)


class ReadOnlyStore(Store):
    """Declarations that are deployed from elsewhere. A change is checked, and comes back as a patch."""

    def write(self, drafts: Sequence[Draft], author: Author, why: str) -> None:  # noqa: ARG002 - the store's contract
        """Raise `ReadOnlyError` with the patch."""
        raise ReadOnlyError("declarations are not changed here: they are deployed from elsewhere", drafts, self.folder)


def removing(declared: Declarations, family: Family, name: str) -> Sequence[Draft]:
    """The draft without one declaration of many, whatever its text is. Raises `MissingError` if there is none."""
    stored = stored_in(declared, family, name)
    return [Draft(stored.path, stored.body, None)]


def stored_in(declared: Declarations, family: Family, name: str) -> Stored:
    """A declaration's file, for many of one folder. Raises `MissingError` if there is none of this name."""
    shelf = declared.shelves[family]
    declaration = shelf.get(name)
    if declaration is None:
        found = unknown((), name, shelf.names(), f"no {family} is named {quoted(name)}", "choose an existing one")
        raise MissingError(found.what, nearest=found.nearest, known=found.known, next_step=found.next_step)
    path = Path(declaration.file)
    return Stored(family, name, path, read_bytes(path, declared.folder))


def tag_of(body: bytes) -> str:
    """The version tag of a text."""
    return hashlib.sha256(body).hexdigest()[:32]


def _body(text: str, path: Path) -> bytes:
    body = text.encode("utf-8", "surrogatepass")
    if len(body) > MAX_BYTES:
        what = f"the declaration has {len(body):,} bytes; the limit is {MAX_BYTES:,}"
        raise DefinitionError(what, place=Place(str(path)), next_step="shorten it")
    return body
