"""Every error that Sluice raises. The class says what the reader should do next.

SluiceError
├── DefinitionError       a declaration is wrong: fix the file that the error names
├── RetriableError        something outside Sluice failed: the same call may succeed later
├── FatalError            a retry does not help: the operator has to fix the cause
│   └── HeldError         the rows are not as expected: the operator releases them, or not
├── Skipped               nothing is wrong and nothing is sent, because of a limit or a schedule
└── UnknownOutcomeError   the operation may have succeeded or not: check before acting

`page()` renders an error as a small page: where, what, the nearest valid value, the known values, what to do next.
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
"""Known values that a page lists; it only counts the others."""
Again = Literal["task", "person", "command"]
"""Who retries: the task, automatically; the operator, who clears the task after its last attempt; or the operator, who
runs a command again."""
_again: ContextVar[Again] = ContextVar("again", default="task")
_LONGEST = 1000
"""Characters of one line of a page: a value in a file may be a megabyte long."""
_WIDEST = 110
"""Characters of a quoted line; a longer line is cut around the position that it is quoted for."""


@dataclass(frozen=True)
class Place:
    """A position in a declaration: `file` as the reader knows it; `line` and `column` count from 1."""

    file: str
    line: int = 1
    column: int = 1
    excerpt: str = ""
    """The line of the file; empty if it could show a secret."""
    width: int = 1
    """Characters of the line that are marked, starting at `column`."""

    def __str__(self) -> str:
        return f"{_visible(self.file)}:{self.line}:{self.column}"

    def quote(self) -> list[str]:
        """The line with its number, and carets below the marked characters; empty without an excerpt."""
        if not self.excerpt:
            return []
        text, start = _around(self.excerpt, self.column - 1)
        marked = _cells(text[start : start + self.width]) or 1
        gutter = f"{self.line:>5} | "
        return [gutter + _visible(text), " " * (len(gutter) - 2) + "| " + " " * _cells(text[:start]) + "^" * marked]


class SluiceError(Exception):
    """What went wrong, and everything that a reader needs to correct it.

    `known` keeps its order, and only the first `SHOWN` are shown: put the nearest values first in a long list."""

    advice = ""
    """The next step of an error that gives none."""

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
        """Who retries this error. Default: as in the context; see `shown_by_a_command`."""

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

    `next_step` is what to do if retries do not help; the page adds who retries."""

    advice = "check the server named above"

    def _next(self, again: Again) -> str:
        if again == "task":
            return f"nothing yet: the task retries; if it keeps failing, {self.next_step}"
        return f"{self.next_step}, then {'run the command again' if again == 'command' else 'clear the failed task'}"


class FatalError(SluiceError):
    """A retry does not help: someone has to correct the data, the credentials or the destination."""

    advice = "correct the cause, then clear the failed task"

    def _next(self, again: Again) -> str:
        own = self.next_step != FatalError.advice
        return self.next_step if own or again != "command" else "correct the cause, then run the command again"


class HeldError(FatalError):
    """The rows are not as the export expects them: nothing is sent until the operator has checked and releases them."""


class Skipped(SluiceError):  # noqa: N818 - not a failure
    """Nothing is wrong and nothing is sent, because of a limit or a schedule."""

    advice = "nothing, if this is intended"


class UnknownOutcomeError(SluiceError):
    """The last response was lost, so the operation may have succeeded or not."""

    advice = "nothing yet: the next attempt checks whether it happened, and so does the next run"

    def _next(self, again: Again) -> str:
        step = {"task": self.next_step, "person": "clear the failed task", "command": "run the command again"}
        checks = "" if again == "task" else ": it checks whether it happened, and so does the next run"
        return f"{step[again]}{checks}"


@contextmanager
def shown_by_a_command() -> Iterator[None]:
    """Render pages for the user of a command, which retries nothing automatically."""
    token = _again.set("command")
    try:
        yield
    finally:
        _again.reset(token)


@contextmanager
def about(*subject: str | int) -> Iterator[None]:
    """Add a subject to errors raised in the block: the part of the declarations that they concern, such as
    `("exports", "orders", "fields", 2)`.

    Outer blocks prepend their words. The caller that has the files turns the subject into a `Place`."""
    try:
        yield
    except SluiceError as error:
        error.subject = (*subject, *error.subject)
        raise


def internal(error: Exception, place: Place | None = None) -> DefinitionError:
    """The error for a bug in Sluice that one declaration has triggered. It names the place in the code and omits the
    original message, which may contain a value."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/sluice/" in frame.filename] or frames
    where = f" in {own[-1].filename.rpartition('/sluice/')[2]}:{own[-1].lineno}" if own else ""
    return DefinitionError(
        f"a bug in Sluice prevents it from reading this: {type(error).__name__}{where}",
        place=place,
        next_step="report this line, with the file if you may share it; other declarations are not affected",
    )


def _listed(known: Sequence[str]) -> str:
    shown = ", ".join(known[:SHOWN])
    return f"{shown}, ... and {len(known) - SHOWN} more" if len(known) > SHOWN else shown


def _around(text: str, start: int) -> tuple[str, int]:
    """The part of a long line around `start`, and the position of `start` in that part."""
    if len(text) <= _WIDEST:
        return text, start
    begin = max(0, min(start - _WIDEST // 2, len(text) - _WIDEST))
    head, tail = "..." if begin else "", "..." if begin + _WIDEST < len(text) else ""
    return head + text[begin : begin + _WIDEST] + tail, start - begin + len(head)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def _visible(text: str) -> str:
    """Replace a tab by one space, so that carets line up, and every control character by `?`."""
    return "".join(" " if c == "\t" else c if c.isprintable() else "?" for c in text)


def _cells(text: str) -> int:
    """How many terminal columns the text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
