"""Writes declarations: the drafts are checked with the whole project, then all files are changed, or none."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from sluice.definition.declarations import Declarations
from sluice.definition.edit.in_use import removed_in_use
from sluice.definition.folder import HIDDEN
from sluice.definition.load import Loaded, load
from sluice.definition.memory import Memory
from sluice.definition.yaml import secret
from sluice.errors import DefinitionError, FatalError


@dataclass(frozen=True)
class Draft:
    """A file with its current and its new content; None if it does not exist before or after."""

    path: Path
    before: bytes | None
    after: bytes | None

    @property
    def hidden(self) -> bool:
        """Whether one of the contents may contain a secret: the change is then not shown."""
        return HIDDEN in (shown(self.before), shown(self.after))

    @property
    def _sides(self) -> tuple[tuple[str, bytes | None], ...]:
        return (("a", self.before), ("b", self.after))

    def difference(self, root: Path = Path("/")) -> str:
        """The change as a unified diff, with paths below `root`: what `git apply` and `patch -p1` take."""
        name = self.path.relative_to(root) if self.path.is_relative_to(root) else self.path
        old, new = (_lines(body) for body in (self.before, self.after))
        labels = (
            "/dev/null" if self.before is None else f"a/{name}",
            "/dev/null" if self.after is None else f"b/{name}",
        )
        lines = list(unified_diff(old, new, *labels))
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


class ReadOnlyError(FatalError):
    """The declarations cannot be written here. `patch` is the change, to be applied in their repository."""

    def __init__(self, what: str, drafts: Sequence[Draft], root: Path) -> None:
        super().__init__(what, next_step="apply the patch in the declarations' repository, and deploy them from there")
        self.patch = "".join(draft.difference(root) for draft in drafts)
        self.hidden = any(draft.hidden for draft in drafts)
        """Whether the patch may contain a secret."""


class StaleError(FatalError):
    """The file was changed after it was read. `current` is its text now, None if it was removed."""

    def __init__(self, path: Path, current: bytes | None) -> None:
        what = f"{path} was {'removed' if current is None else 'changed'} in the meantime: nothing was written"
        super().__init__(what, next_step="compare your change with the current text, then repeat it")
        self.current = current


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """No other process writes declarations to the folder during the block. Locks the folder itself, so no file is left,
    and a folder that cannot be written can be locked too."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


@dataclass(frozen=True)
class Outlook:
    """The project as it would be with some drafts."""

    then: Loaded
    errors: tuple[DefinitionError, ...]
    """The errors that the drafts would cause, in their own files or in others."""
    warnings: tuple[DefinitionError, ...]
    """The warnings that they would cause."""


def outlook(folder: Path, drafts: Sequence[Draft], memory: Memory | None = None) -> Outlook:
    """What the drafts would do. Nothing is written."""
    memory = memory or Memory()
    now, then = load(folder, memory=memory), load(folder, {draft.path: draft.after for draft in drafts}, memory)
    return Outlook(then, _new(now, then, "errors"), _new(now, then, "warnings"))


def check(folder: Path, drafts: Sequence[Draft], memory: Memory | None = None) -> tuple[DefinitionError, ...]:
    """The new warnings that the drafts would cause. Raises `DefinitionError` if they would cause an error."""
    found = outlook(folder, drafts, memory)
    if found.errors:
        changed = {draft.path: draft.after for draft in drafts}
        in_use = removed_in_use(Declarations(folder, memory=memory), Declarations(folder, changed, memory))
        first = in_use or found.errors[0]
        more = f"; and {len(found.errors) - 1} more" if len(found.errors) > 1 else ""
        raise DefinitionError(
            first.what,
            place=first.place,
            nearest=first.nearest,
            known=first.known,
            next_step=f"{first.next_step}{more}. Nothing was written",
        )
    return found.warnings


def write(drafts: Sequence[Draft], folder: Path) -> None:
    """Change the files as in their drafts: all of them, or none. `folder` is the folder of all declarations.

    Raises `ReadOnlyError` if a file cannot be written, and `StaleError` if one has changed since it was read."""
    for draft in drafts:
        if (current := content(draft.path)) != draft.before:
            raise StaleError(draft.path, current)
    try:
        for draft in drafts:
            _put_beside(draft)
        _replace(drafts)
    except OSError as failed:
        what = f"{failed.filename} cannot be written: {failed.strerror}; nothing was written"
        raise ReadOnlyError(what, drafts, folder) from failed
    finally:
        for draft in drafts:
            with suppress(OSError):
                _new_name(draft).unlink(missing_ok=True)


def shown(body: bytes | None) -> str | None:
    """The text of a file's content. One that may contain a secret is replaced by a comment."""
    if body is None:
        return None
    text = body.decode("utf-8", "replace")
    return HIDDEN if any(secret.in_line(line) for line in text.splitlines()) else text


def content(path: Path) -> bytes | None:
    """The content of the file now; None if it does not exist."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _new(now: Loaded, then: Loaded, what: str) -> tuple[DefinitionError, ...]:
    """The errors or warnings that are new. Lines may have moved, so they are compared by file and text."""
    before = {_words(one) for one in getattr(now, what)}
    return tuple(one for one in getattr(then, what) if _words(one) not in before)


def _words(error: DefinitionError) -> tuple[str, str]:
    return (error.place.file if error.place else "", error.what)


def _put_beside(draft: Draft) -> None:
    """Write the new content to a hidden file next to the old one, which is not read as a declaration."""
    if draft.after is None:
        return
    draft.path.parent.mkdir(parents=True, exist_ok=True)
    new = _new_name(draft)
    with new.open("wb") as stream:
        stream.write(draft.after)
        stream.flush()
        os.fsync(stream.fileno())
    if draft.before is not None:
        shutil.copymode(draft.path, new)


def _new_name(draft: Draft) -> Path:
    target = draft.path.resolve()
    return target.with_name(f".{target.name}.new")


def _replace(drafts: Sequence[Draft]) -> None:
    done: list[Draft] = []
    try:
        for draft in drafts:
            if draft.after is None:
                draft.path.unlink()
            else:
                _new_name(draft).replace(draft.path.resolve())
            done.append(draft)
    except OSError:
        for draft in done:
            with suppress(OSError):
                undo(draft)
        raise


def undo(draft: Draft) -> None:
    """Give the file its former content."""
    if draft.before is None:
        draft.path.unlink(missing_ok=True)
    else:
        draft.path.write_bytes(draft.before)


def _lines(body: bytes | None) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", (body or b"").decode("utf-8", "replace"))
