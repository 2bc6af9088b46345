"""Whether two patterns of file names can give the same name.

A pattern is a sequence of single characters, of digits, and of numbers of any length. Times count as digits of their
length: then two patterns that have no name in common have none at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

DIGITS = "0123456789"


class Piece(NamedTuple):
    """One character of a name: one of these, at most once, exactly once or repeatedly."""

    any_of: str
    repeats: bool = False
    """Whether it may be repeated."""
    skips: int = 0
    """How many pieces may be left out from here on, this one included."""


Pattern = Sequence[Piece]


def text(value: str) -> list[Piece]:
    """Exactly this text."""
    return [Piece(character) for character in value]


def digits(count: int) -> list[Piece]:
    """So many digits."""
    return [Piece(DIGITS)] * count


def number(least: int) -> list[Piece]:
    """A number of at least so many digits."""
    return [*digits(least - 1), Piece(DIGITS, repeats=True)]


def optional(pieces: Sequence[Piece]) -> list[Piece]:
    """These, or nothing."""
    first, *rest = pieces
    return [first._replace(skips=len(pieces)), *rest]


def overlap(one: Pattern, other: Pattern) -> str | None:
    """A name that both patterns give; None if there is none."""
    start = (0, 0)
    seen, ahead = {start}, [(start, "")]
    while ahead:
        (left, right), name = ahead.pop()
        if left == len(one) and right == len(other):
            return name
        for pair, character in _next(one, other, left, right):
            if pair not in seen:
                seen.add(pair)
                ahead.append((pair, name + character))
    return None


def _next(one: Pattern, other: Pattern, left: int, right: int) -> Iterator[tuple[tuple[int, int], str]]:
    """The places in both patterns after one more character, or without one."""
    if left < len(one) and one[left].skips:
        yield (left + one[left].skips, right), ""
    if right < len(other) and other[right].skips:
        yield (left, right + other[right].skips), ""
    if left == len(one) or right == len(other):
        return
    mine, theirs = one[left], other[right]
    if common := next((c for c in mine.any_of if c in theirs.any_of), ""):
        yield (left + 1, right + 1), common
        if mine.repeats:
            yield (left, right + 1), common
        if theirs.repeats:
            yield (left + 1, right), common
