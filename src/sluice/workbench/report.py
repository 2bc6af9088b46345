"""The report of an import: the key that each parameter of the files was imported as."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from sluice.workbench.blocks import FILES, Block, Vector
from sluice.workbench.parse import Entry

Verdict = Literal["taken", "changed", "empty", "secret", "left out"]
"""`taken`: it means the same. `changed`: it means something else here, and the note says what. `empty`: it has no
value. `secret`: it
belongs in an Airflow connection. `left out`: it has no counterpart."""

LEFT_OUT = {
    "TnT Configuration": "it has no ClientName, or the command does not send the file to Adobe Target",
    "MboxName": "profiles are updated through an API that calls no mbox",
    "Target Bulk Upload Configuration": "a run does not wait for Target: `sluice receipt` asks what became of batches",
    "Max Timeout Interval": "a run does not wait for Target: `sluice receipt` asks what became of batches",
    "Report Suite": "report suites are subscribed to an attribute source in Experience Cloud",
    "CRS Configuration": "it has no CRS Attributes, or the command sends no customer attributes",
    "Connect Retries": "connecting is retried for 3 minutes: `retry_for` of the connection",
    "Public Key Path": "the server has the public key; the connection needs only the private one",
    "Schedule Start Time": "without Schedule Every it has no effect",
    "Schedule End Time": "without Schedule Every it has no effect",
    "MMP Configuration": "the command does not send the file to Audience Manager",
    "Output Fields": "the Output Format names its fields itself",
}
"""Why a parameter, or all that is in a block, has no counterpart: the table to change when it gets one."""


@dataclass(frozen=True)
class Line:
    """One parameter of one file."""

    file: str
    line: int
    parameter: str
    verdict: Verdict
    becomes: str
    """The key that it became, or why it has become none."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.parameter}: {self.verdict}{f': {self.becomes}' if self.becomes else ''}"


class Report:
    """Collects how parameters are imported. `lines` adds those that are missing."""

    def __init__(self) -> None:
        self._noted: dict[int, tuple[Verdict, str]] = {}

    def taken(self, entry: Entry | None, becomes: str) -> None:
        self._note(entry, "taken", becomes)

    def changed(self, entry: Entry | None, becomes: str) -> None:
        self._note(entry, "changed", becomes)

    def secret(self, entry: Entry | None, becomes: str) -> None:
        self._note(entry, "secret", becomes)

    def left_out(self, entry: Entry | None, why: str) -> None:
        self._note(entry, "left out", why)

    def _note(self, entry: Entry | None, verdict: Verdict, becomes: str) -> None:
        if entry is None:
            return
        empty = not entry.value and verdict != "changed"
        self._noted[id(entry)] = ("empty", "") if empty else (verdict, becomes)

    def lines(self, files: Iterable[Entry]) -> list[Line]:
        """A line for every parameter, in the order of the files."""
        return [line for file in files for line in self._below(file, ())]

    def _below(self, entry: Entry, above: tuple[Entry, ...]) -> Iterator[Line]:
        for one in entry.entries.values():
            inside = (*above, one)
            if one.entries:
                yield from self._below(one, inside)
                continue
            verdict, becomes = self._noted.get(id(one), (None, ""))
            if verdict is None:
                has = one.value and not (one.nested and one.value.startswith("0"))
                verdict, becomes = ("left out", _why(inside)) if has else ("empty", becomes)
            yield Line(one.source.name, one.line, _path(inside), verdict, becomes)


def _path(entries: tuple[Entry, ...]) -> str:
    """The parameter's name, below the names of its blocks; without the file's own block."""
    shown = entries if len(entries) == 1 else entries[1:]
    return " > ".join(one.key if one.scalar or one.nested or not one.source.secret else "(unknown)" for one in shown)


def _why(entries: tuple[Entry, ...]) -> str:
    for one in reversed(entries):
        if one.key in LEFT_OUT:
            return LEFT_OUT[one.key]
    key = entries[-1].key
    near = get_close_matches(key, KEYS, 1)
    return "unknown parameter" + (f": did you mean {near[0]}" if near and near[0] != key else "")


def _keys(block: Block) -> Iterator[str]:
    for key, value in block.keys.items():
        inner = value.of if isinstance(value, Vector) else value
        yield key
        if isinstance(inner, Block):
            yield from _keys(inner)


KEYS = sorted({key for file in FILES for key in _keys(file)})
"""Every parameter that is known."""
