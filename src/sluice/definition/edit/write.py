"""The one way that declarations are written: checked with the whole project first, then replaced, all or none."""

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
    """A file as it is, and as it shall be."""

    path: Path
    before: bytes
    after: bytes


def check(folder: Path, drafts: Sequence[Draft]) -> tuple[DefinitionError, ...]:
    """The warnings that the drafts would bring. Raises `DefinitionError` where they would bring an error, in their own
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
    """Put the drafts in the place of their files: all of them, or none. Raises `FatalError` where the folder cannot be
    written, or a file was changed since it was read."""
    for draft in drafts:
        if draft.path.read_bytes() != draft.before:
            raise FatalError(f"{draft.path} was changed meanwhile: nothing was written", next_step="do it again")
    try:
        made = [(_beside(draft), draft) for draft in drafts]
        _replace(made)
    except OSError as failed:
        raise FatalError(
            f"{failed.filename} cannot be written: {failed.strerror}; nothing was written",
            next_step="edit the declarations where they are kept, and deploy them from there",
        ) from failed
    finally:
        for draft in drafts:
            with suppress(OSError):
                _new_name(draft).unlink(missing_ok=True)


def _new(now: Loaded, then: Loaded, what: str) -> tuple[DefinitionError, ...]:
    """What is wrong only then. Lines may have moved: an error is the same by its file and its words."""
    before = {_words(one) for one in getattr(now, what)}
    return tuple(one for one in getattr(then, what) if _words(one) not in before)


def _words(error: DefinitionError) -> tuple[str, str]:
    return (error.place.file if error.place else "", error.what)


def _beside(draft: Draft) -> Path:
    """The new content in a file of its own, that nobody reads."""
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
