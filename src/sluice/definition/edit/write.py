"""Writes declarations: the drafts are checked with the whole project, then all files are replaced, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sluice.definition.load import Loaded, load
from sluice.errors import DefinitionError, FatalError


@dataclass(frozen=True)
class Draft:
    """A file with its current and its new content."""

    path: Path
    before: bytes
    after: bytes


def check(folder: Path, drafts: Sequence[Draft]) -> tuple[DefinitionError, ...]:
    """The new warnings that the drafts would cause. Raises `DefinitionError` if they would cause an error, in their own
    files or in others."""
    now, then = load(folder), load(folder, {draft.path: draft.after for draft in drafts})
    new = _new(now, then, "errors")
    if new:
        first = new[0]
        more = f"; and {len(new) - 1} more" if len(new) > 1 else ""
        raise DefinitionError(
            first.what,
            place=first.place,
            nearest=first.nearest,
            known=first.known,
            next_step=f"{first.next_step}{more}. Nothing was written",
        )
    return _new(now, then, "warnings")


def write(drafts: Sequence[Draft]) -> None:
    """Replace the files with their drafts: all of them, or none. Raises `FatalError` if the folder is not writable, or
    if a file has changed since it was read."""
    for draft in drafts:
        if draft.path.read_bytes() != draft.before:
            what = f"{draft.path} was changed in the meantime: nothing was written"
            raise FatalError(what, next_step="run the command again")
    try:
        made = [(_beside(draft), draft) for draft in drafts]
        _replace(made)
    except OSError as failed:
        raise FatalError(
            f"{failed.filename} cannot be written: {failed.strerror}; nothing was written",
            next_step="edit the declarations in their repository, and deploy them from there",
        ) from failed
    finally:
        for draft in drafts:
            with suppress(OSError):
                _new_name(draft).unlink(missing_ok=True)


def _new(now: Loaded, then: Loaded, what: str) -> tuple[DefinitionError, ...]:
    """The errors or warnings that are new. Lines may have moved, so they are compared by file and text."""
    before = {_words(one) for one in getattr(now, what)}
    return tuple(one for one in getattr(then, what) if _words(one) not in before)


def _words(error: DefinitionError) -> tuple[str, str]:
    return (error.place.file if error.place else "", error.what)


def _beside(draft: Draft) -> Path:
    """Write the new content to a hidden file next to the old one, which is not read as a declaration."""
    new = _new_name(draft)
    with new.open("wb") as stream:
        stream.write(draft.after)
        stream.flush()
        os.fsync(stream.fileno())
    shutil.copymode(draft.path, new)
    return new


def _new_name(draft: Draft) -> Path:
    target = draft.path.resolve()
    return target.with_name(f".{target.name}.new")


def _replace(made: Iterable[tuple[Path, Draft]]) -> None:
    done: list[Draft] = []
    try:
        for new, draft in made:
            new.replace(draft.path.resolve())
            done.append(draft)
    except OSError:
        for draft in done:
            with suppress(OSError):
                draft.path.write_bytes(draft.before)
        raise
