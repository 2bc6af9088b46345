"""A problem of a declaration, before its line in the file is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from sluice.definition.yaml.position import Path
from sluice.errors import SHOWN, DefinitionError, Place

_RANKED = 100
"""The maximum number of names that are compared with a word in full."""
_COMPARED = 120
"""The maximum number of characters of a word that are compared. Names have at most 100."""


@dataclass(frozen=True)
class Problem:
    """One mistake. `path` leads to it from the top of its declaration, by the keys of the file."""

    path: Path
    what: str
    next_step: str = ""
    nearest: str | None = None
    known: tuple[str, ...] = ()
    key: bool = False
    """Whether the error points at the key at `path` instead of its value."""
    lacks: str | None = None
    """The key that is missing at `path`."""

    def at(self, place: Place) -> DefinitionError:
        return self.error(place)

    def error(self, place: Place | None = None) -> DefinitionError:
        return DefinitionError(self.what, place=place, nearest=self.nearest, known=self.known, next_step=self.next_step)


def unknown(path: Path, word: str, known: Iterable[str], what: str, advice: str = "", *, key: bool = False) -> Problem:
    """The problem of an unknown word, with the nearest known word. A long list of known words starts with the nearest
    ones."""
    word = word.lower()[:_COMPARED]
    near, rest = _near(sorted(known), word)
    lowered = {name.lower(): name for name in near}
    close = get_close_matches(word, lowered, n=1, cutoff=0.5 if len(word) <= 3 else 0.72)
    if len(near) > SHOWN:
        near.sort(key=lambda name: -SequenceMatcher(None, word, name.lower()).ratio())
    return Problem(path, what, advice, lowered[close[0]] if close else None, (*near, *rest), key)


def _near(names: list[str], word: str) -> tuple[list[str], list[str]]:
    """Split many names into those that share most letters with the word, and the rest. This keeps a thousand files that
    each misspell one of a thousand names from taking minutes."""
    if len(names) <= _RANKED:
        return names, []
    letters = set(word)
    ranked = sorted(names, key=lambda name: abs(len(name) - len(word)) - len(letters & set(name.lower())))
    return sorted(ranked[:_RANKED]), ranked[_RANKED:]


def shown(value: Any) -> str:
    """Format a value for a message: `text`, 12, true, a list."""
    match value:
        case str():
            return f"`{value}`" if len(value) <= 60 else f"`{value[:57]}...`"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case None:
            return "nothing"
        case _:
            return str(value)[:60]


def either(words: Iterable[str]) -> str:
    """Join words: `a`, `a or b`, `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
