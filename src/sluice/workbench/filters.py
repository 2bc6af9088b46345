"""Translates a filter expression of Data Workbench into the condition of a segment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sluice.definition.models.catalog import Dataset, Segment
from sluice.errors import DefinitionError
from sluice.sql import literal, quote
from sluice.workbench.level import column_of, segment_of, unknown
from sluice.workbench.parse import Entry
from sluice.workbench.text import raw_at

_TOKEN = re.compile(
    r"(?P<text>\"[^\"]*\"|[\u201c\u201d][^\u201c\u201d]*[\u201c\u201d])"
    r"|(?P<sign><>|!=|<=|>=|[=<>()#\[\]])"
    r"|(?P<name>[A-Za-z_$%\u0080-\U0010ffff][\w$%]*)"
    r"|(?P<number>\d+)"
    r"|(?P<blank>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_DEEPEST = 40
_ORDER = "the order of a dimension's elements is not in the data"


class Condition(NamedTuple):
    """The condition of a segment, and the segments that it reads."""

    where: str
    reads: tuple[str, ...]


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def condition_of(entry: Entry, dataset: Dataset, segments: Mapping[str, Segment]) -> Condition:
    """Translate the filter. Raises `DefinitionError`, with its place, for what has no counterpart in SQL over one row:
    ordinals, comparisons of order, and relations between dimensions."""
    reading = _Reading(entry, dataset, segments)
    where = reading.either(0)
    if (left := reading.token).kind != "end":
        raise reading.error(f"expected `and`, `or` or the end, not `{left.text[:40]}`", left)
    return Condition(where, tuple(reading.reads))


class _Reading:
    """A filter that is being read, token by token."""

    def __init__(self, entry: Entry, dataset: Dataset, segments: Mapping[str, Segment]) -> None:
        self._entry, self._dataset, self._segments = entry, dataset, segments
        self.reads: dict[str, None] = {}
        text = entry.text
        found = [_Token(str(one.lastgroup), one[0], one.start()) for one in _TOKEN.finditer(text)]
        self._tokens = [one for one in found if one.kind != "blank"] + [_Token("end", "", len(text))]
        self._next = 0

    @property
    def token(self) -> _Token:
        return self._tokens[self._next]

    def error(self, what: str, token: _Token, advice: str = "") -> DefinitionError:
        at = raw_at(self._entry.value, token.at)
        step = advice or "write the filter as a segment of the catalog, and name that segment here"
        return self._entry.error(what, step, at=at)

    def either(self, depth: int) -> str:
        sides = [self._both(depth)]
        while self._took("or"):
            sides.append(self._both(depth))
        return sides[0] if len(sides) == 1 else f"({' or '.join(sides)})"

    def _both(self, depth: int) -> str:
        sides = [self._one(depth)]
        while self._took("and"):
            sides.append(self._one(depth))
        return sides[0] if len(sides) == 1 else f"({' and '.join(sides)})"

    def _one(self, depth: int) -> str:
        if depth > _DEEPEST:
            raise self.error(f"the filter is nested more than {_DEEPEST} levels deep", self.token)
        if self._took("not"):
            return f"not {self._one(depth + 1)}"
        if self._took("("):
            inner = self.either(depth + 1)
            if not self._took(")"):
                raise self.error("expected `)`", self.token)
        else:
            inner = self._plain()
        if self._is("by"):
            raise self.error("`by` relates two dimensions, which a segment's condition cannot", self.token)
        return inner

    def _plain(self) -> str:
        name = self._take()
        if name.kind != "name":
            raise self.error(
                f"expected a dimension or a filter, not {f'`{name.text}`' if name.text else 'the end'}", name
            )
        word = name.text.lower()
        if word in ("true", "false"):
            return word
        if word in ("any", "no") and self.token.kind == "name":
            raise self.error(f"`{word}` relates two dimensions, which a segment's condition cannot", name)
        if self.token.kind == "sign" and self.token.text not in "()[]#":
            return self._compared(name)
        if self._is("matches") or self._is("notmatches"):
            return self._matched(name)
        return self._named(name)

    def _compared(self, name: _Token) -> str:
        sign = self._take()
        if self._is("#"):
            raise self.error(f"`#` counts elements: {_ORDER}", self.token)
        if sign.text in ("<", ">", "<=", ">="):
            raise self.error(f"`{sign.text}` compares by order: {_ORDER}", sign)
        same = "is not distinct from" if sign.text == "=" else "is distinct from"
        return f"{self._column(name)} {same} {self._text()}"

    def _matched(self, name: _Token) -> str:
        negated = self._take().text.lower() == "notmatches"
        found = f"coalesce(regexp_full_match(cast({self._column(name)} as varchar), {self._text()}), false)"
        return f"not {found}" if negated else found

    def _named(self, name: _Token) -> str:
        segment = segment_of(name.text, self._dataset, self._segments)
        if segment is None:
            known = [one.name for one in self._segments.values() if one.dataset == self._dataset.name]
            what = f"no segment of `{self._dataset.name}` is named `{name.text}`"
            placed = self.error(what, name)
            wrong = unknown(self._entry, what, known, "declare it in catalog/segments.yaml, or name an existing one")
            wrong.place = placed.place
            raise wrong
        self.reads[segment.name] = None
        key = quote(self._dataset.row_key or self._dataset.key)
        return f"{key} in (select {key} from {quote(segment.name)})"  # noqa: S608 - a text for a declaration

    def _column(self, name: _Token) -> str:
        """Underscores in an expression stand for blanks in the dimension's name."""
        return quote(column_of(name.text.replace("_", " ").strip() or name.text, self._dataset))

    def _text(self) -> str:
        text = self._take()
        if text.kind != "text":
            raise self.error('expected a value in quotes, such as "A"', text)
        return literal(text.text[1:-1])

    def _is(self, word: str) -> bool:
        return self.token.kind in ("name", "sign") and self.token.text.lower() == word

    def _took(self, word: str) -> bool:
        found = self._is(word)
        self._next += found
        return found

    def _take(self) -> _Token:
        token = self.token
        self._next += token.kind != "end"
        return token
