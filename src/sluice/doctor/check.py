"""The result of one check of an installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Check:
    """A finding: what was found, and what to do about it."""

    state: State
    name: str
    what: str
    next_step: str = ""

    @property
    def text(self) -> str:
        """A line, and one for the next step."""
        first = f"{self.state:<8} {self.name}: {self.what}"
        return f"{first}\n           next: {self.next_step}" if self.next_step else first


def ok(name: str, what: str) -> Check:
    return Check("ok", name, what)


def warning(name: str, what: str, next_step: str) -> Check:
    return Check("warning", name, what, next_step)


def error(name: str, what: str, next_step: str) -> Check:
    return Check("error", name, what, next_step)


def size(count: int) -> str:
    """A number of bytes for people: `512 MB`."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:,.4g} TB"


def many(count: int, what: str) -> str:
    """A number of things for people: `1 worker`, `2 workers`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
