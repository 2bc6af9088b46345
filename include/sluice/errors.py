"""Every error Sluice raises, sorted by what the reader should do next.

SluiceError
├── DefinitionError       a declaration is wrong: fix the file it names
├── RetriableError        the world outside failed: the same call may succeed later
├── FatalError            trying again changes nothing: a person has to look
└── UnknownOutcomeError   it may or may not have happened: look before acting

`page()` renders an error as a small page: where, what, the nearest valid value, the known ones, what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A position in a declaration: `file` as the reader knows it, `line` and `column` counted from 1."""

    file: str
    line: int = 1
    column: int = 1
    excerpt: str = ""
    """The line of the file; empty where showing it could show a secret."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class SluiceError(Exception):
    """What went wrong, and everything a reader needs to put it right."""

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

    def __str__(self) -> str:
        return self.page()

    def page(self) -> str:
        """The error as a few lines of text, without a trailing newline."""
        lines = [f"{self.place}  {self.what}" if self.place else self.what]
        if self.place and self.place.excerpt:
            gutter = f"{self.place.line:>5} | "
            lines += [gutter + self.place.excerpt, " " * (len(gutter) + self.place.column - 1) + "^"]
        if self.nearest:
            lines.append(f"  did you mean: {self.nearest}")
        if self.known:
            lines.append(f"  known: {', '.join(self.known)}")
        if self.next_step:
            lines.append(f"  next: {self.next_step}")
        return "\n".join(lines)


class DefinitionError(SluiceError):
    """A declaration is wrong; no run can succeed until its file changes."""

    advice = "correct the file, then run `sluice check`"


class RetriableError(SluiceError):
    """The network, a server or a disk failed; the same call may succeed later."""

    advice = "nothing yet: it is tried again; if it goes on, look at the server named above"


class FatalError(SluiceError):
    """Trying again changes nothing: the data, the credentials or the destination need a person."""

    advice = "correct the cause, then clear the failed task"


class UnknownOutcomeError(SluiceError):
    """The last answer was lost: the act may have happened. Nothing is assumed."""

    advice = "run `sluice verify` on the manifest before you run the export again"
