"""What is wrong with a declaration, before anyone knows which line that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from sluice.definition.yaml.position import Path
from sluice.errors import SHOWN, DefinitionError, Place

_RANKED = 100
"""Names that are compared with a word letter by letter."""
_COMPARED = 120
"""Characters of a word that are compared with known ones: names have 100."""


@dataclass(frozen=True)
class Problem:
    """One mistake. `path` leads to it from the top of its declaration, in the words of the file."""

    path: Path
    what: str
    next_step: str = ""
    nearest: str | None = None
    known: tuple[str, ...] = ()
    key: bool = False
    """Whether the key at `path` is meant, and not its value."""
    lacks: str | None = None
    """The key that is missing at `path`."""

    def at(self, place: Place) -> DefinitionError:
        return self.error(place)

    def error(self, place: Place | None = None) -> DefinitionError:
        return DefinitionError(self.what, place=place, nearest=self.nearest, known=self.known, next_step=self.next_step)


def unknown(path: Path, word: str, known: Iterable[str], what: str, advice: str = "", *, key: bool = False) -> Problem:
    """A word that is not among the known ones: with the nearest, and a long list from near to far."""
    word = word.lower()[:_COMPARED]
    near, rest = _near(sorted(known), word)
    lowered = {name.lower(): name for name in near}
    close = get_close_matches(word, lowered, n=1, cutoff=0.5 if len(word) <= 3 else 0.72)
    if len(near) > SHOWN:
        near.sort(key=lambda name: -SequenceMatcher(None, word, name.lower()).ratio())
    return Problem(path, what, advice, lowered[close[0]] if close else None, (*near, *rest), key)


def _near(names: list[str], word: str) -> tuple[list[str], list[str]]:
    """Those of many names that have most letters in common with the word, and the others: a thousand files that each
    misspell one of a thousand names must not take minutes."""
    if len(names) <= _RANKED:
        return names, []
    letters = set(word)
    ranked = sorted(names, key=lambda name: abs(len(name) - len(word)) - len(letters & set(name.lower())))
    return sorted(ranked[:_RANKED]), ranked[_RANKED:]


def shown(value: Any) -> str:
    """A value as a sentence shows it: `text`, 12, true, a list."""
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
    """`a`, `a or b`, `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
