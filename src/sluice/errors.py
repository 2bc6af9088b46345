"""Every error Sluice raises, sorted by what the reader should do next.

SluiceError
├── DefinitionError       a declaration is wrong: fix the file it names
├── RetriableError        the world outside failed: the same call may succeed later
├── FatalError            trying again changes nothing: a person has to look
│   └── HeldError         the rows are not as expected: a person releases them, or not
├── Skipped               nothing is wrong and nothing is sent: a rule says so
└── UnknownOutcomeError   it may or may not have happened: look before acting

`page()` renders an error as a small page: where, what, the nearest valid value, the known ones, what to do next.
"""

from __future__ import annotations

import traceback
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

SHOWN = 10
"""Known values that a page lists before it only counts the rest."""
Again = Literal["task", "person", "command"]
"""Who tries again: the task by itself; a person who clears it, after its last try; or a person who runs a command."""
_again: ContextVar[Again] = ContextVar("again", default="task")
_LONGEST = 1000
"""Characters of a page's line: what a file holds may be a megabyte."""
_WIDEST = 110
"""Characters of a quoted line; a longer one is cut around the place it is quoted for."""


@dataclass(frozen=True)
class Place:
    """A position in a declaration: `file` as the reader knows it, `line` and `column` counted from 1."""

    file: str
    line: int = 1
    column: int = 1
    excerpt: str = ""
    """The line of the file; empty where showing it could show a secret."""
    width: int = 1
    """Characters of the line that are meant, from `column` on."""

    def __str__(self) -> str:
        return f"{_visible(self.file)}:{self.line}:{self.column}"

    def quote(self) -> list[str]:
        """The line under its number, and carets below what is meant; nothing without an excerpt."""
        if not self.excerpt:
            return []
        text, start = _around(self.excerpt, self.column - 1)
        meant = _cells(text[start : start + self.width]) or 1
        gutter = f"{self.line:>5} | "
        return [gutter + _visible(text), " " * (len(gutter) - 2) + "| " + " " * _cells(text[:start]) + "^" * meant]


class SluiceError(Exception):
    """What went wrong, and everything a reader needs to put it right.

    `known` is listed in the order given and cut after the first `SHOWN`: the nearest come first in a long one."""

    advice = ""
    """What to do next when the error itself does not say."""

    def __init__(
        self,
        what: str,
        *,
        place: Place | None = None,
        nearest: str | None = None,
        known: Sequence[str] = (),
        next_step: str = "",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.place = place
        self.nearest = nearest
        self.known = tuple(known)
        self.next_step = next_step or self.advice
        self.subject: tuple[str | int, ...] = ()
        self.again: Again | None = None
        """Who tries again, if it is not who always does in this process."""

    def __str__(self) -> str:
        return self.page()

    def page(self) -> str:
        """The error as a few lines of text, without a trailing newline."""
        lines = [f"{self.place}  {self.what}" if self.place else self.what]
        if self.place:
            lines += self.place.quote()
        if self.nearest:
            lines.append(f"  did you mean: {self.nearest}")
        if self.known:
            lines.append(f"  known: {_listed(self.known)}")
        if self.next_step:
            lines.append(f"  next: {self._next(self.again or _again.get())}")
        return "\n".join(_visible(_cut(part)) for line in lines for part in line.split("\n"))

    def _next(self, _: Again) -> str:
        return self.next_step


class DefinitionError(SluiceError):
    """A declaration is wrong; no run can succeed until its file changes."""

    advice = "correct the file, then run `sluice check`"


class RetriableError(SluiceError):
    """The network, a server or a disk failed; the same call may succeed later.

    `next_step` is what to do if that does not help; the page says who tries again."""

    advice = "look at the server named above"

    def _next(self, again: Again) -> str:
        if again == "task":
            return f"nothing yet: it is tried again; if it goes on, {self.next_step}"
        return f"{self.next_step}, then {'run the command again' if again == 'command' else 'clear the failed task'}"


class FatalError(SluiceError):
    """Trying again changes nothing: the data, the credentials or the destination need a person."""

    advice = "correct the cause, then clear the failed task"

    def _next(self, again: Again) -> str:
        own = self.next_step != FatalError.advice
        return self.next_step if own or again != "command" else "correct the cause, then run the command again"


class HeldError(FatalError):
    """The rows are not as the export expects them: nothing is sent until a person has looked and releases them."""


class Skipped(SluiceError):  # noqa: N818 - not a failure
    """Nothing is wrong and nothing is sent: a limit or a schedule says so."""

    advice = "nothing, if this is meant"


class UnknownOutcomeError(SluiceError):
    """The last answer was lost: the act may have happened. Nothing is assumed."""

    advice = "nothing yet: the next try looks whether it has happened, and so does the next run"

    def _next(self, again: Again) -> str:
        asked = {"task": self.next_step, "person": "clear the failed task", "command": "run the command again"}
        looks = "" if again == "task" else ": it looks whether it has happened, and so does the next run"
        return f"{asked[again]}{looks}"


@contextmanager
def shown_by_a_command() -> Iterator[None]:
    """Pages that are made here are read by somebody who ran a command: nothing tries again by itself."""
    token = _again.set("command")
    try:
        yield
    finally:
        _again.reset(token)


@contextmanager
def about(*subject: str | int) -> Iterator[None]:
    """Errors from inside concern this part of the declarations: `("exports", "orders", "fields", 2)`.

    Nested, the outer words come first. Whoever holds the files turns the subject into a `Place`."""
    try:
        yield
    except SluiceError as error:
        error.subject = (*subject, *error.subject)
        raise


def internal(error: Exception, place: Place | None = None) -> DefinitionError:
    """The page for a mistake of Sluice's own that one declaration has met. It says where in the code, and nothing of
    what the error itself says: that may hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/sluice/" in frame.filename] or frames
    where = f" in {own[-1].filename.rpartition('/sluice/')[2]}:{own[-1].lineno}" if own else ""
    return DefinitionError(
        f"Sluice cannot read this, by a mistake of its own: {type(error).__name__}{where}",
        place=place,
        next_step="report this line, with the file if you may show it; other declarations are not affected",
    )


def _listed(known: Sequence[str]) -> str:
    shown = ", ".join(known[:SHOWN])
    return f"{shown}, ... and {len(known) - SHOWN} more" if len(known) > SHOWN else shown


def _around(text: str, start: int) -> tuple[str, int]:
    """The part of a long line that `start` lies in, and where in that part."""
    if len(text) <= _WIDEST:
        return text, start
    begin = max(0, min(start - _WIDEST // 2, len(text) - _WIDEST))
    head, tail = "..." if begin else "", "..." if begin + _WIDEST < len(text) else ""
    return head + text[begin : begin + _WIDEST] + tail, start - begin + len(head)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def _visible(text: str) -> str:
    """Tabs as one space, so that carets stand where they should; what a terminal would obey, as `?`."""
    return "".join(" " if c == "\t" else c if c.isprintable() else "?" for c in text)


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
