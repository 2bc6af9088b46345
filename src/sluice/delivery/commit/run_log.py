"""What has been decided about one run: the log in its staging folder, folded into a state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sluice.delivery.commit.log import Folder, Log
from sluice.errors import FatalError

SCHEMA = 2
"""Of everything that a run stages. 1 had no log: `former.py` reads it."""

Act = Literal["open", "publishing", "refused", "published", "aborting", "stopped", "closed", "dropping"]
"""open: parts may be sent, and what is staged from here on is this opening's.
publishing: a process may write the manifest of `intent` from now on. The run is decided: nobody removes its parts.
refused: that process has not written it and never will.
published: the manifest is there.
aborting: a process removes the run's parts from now on. Nobody publishes it.
stopped: that process removes nothing any more.
closed: nothing is left to be looked for.
dropping: its staging is being removed."""


class Entry(BaseModel):
    """One step of a run."""

    model_config = ConfigDict(frozen=True)

    act: Act
    by: str
    """The process: each try of a task is another."""
    intent: str = ""
    """What is to be published: the name of a staged file."""
    staging: int = SCHEMA
    """The schema of what the run has staged."""


@dataclass(frozen=True)
class State:
    """A run's log, read to its end."""

    last: int = 0
    """The number of the last entry."""
    opened: int = 0
    """The number of the last `open`."""
    act: Act | None = None
    """The last act but for answers: `open`, `publishing`, `published`, `aborting`, `dropping`; None without a log."""
    writers: Mapping[str, str] = field(default_factory=dict)
    """Processes that may be writing the manifest, and their intents."""
    removers: frozenset[str] = frozenset()
    """Processes that may be removing parts."""
    intent: str = ""
    """What was published."""
    closed: bool = False

    @property
    def decided(self) -> bool:
        """Whether the run is published, or will be."""
        return self.act in ("publishing", "published")

    def after(self, number: int, entry: Entry) -> State:
        """The state with one more entry."""
        return State(
            last=number,
            opened=number if entry.act == "open" else self.opened,
            act=self._act(entry),
            writers=self._writers(entry),
            removers=self._removers(entry),
            intent=entry.intent if entry.act == "published" else "" if entry.act == "open" else self.intent,
            closed=entry.act == "closed",
        )

    def _act(self, entry: Entry) -> Act | None:
        if entry.act in ("stopped", "closed"):
            return self.act
        if entry.act == "refused":
            return "open" if self.act == "publishing" and not self._writers(entry) else self.act
        if entry.act == "publishing" and self.act == "published":
            return "published"
        return entry.act

    def _writers(self, entry: Entry) -> Mapping[str, str]:
        if entry.act == "publishing":
            return {**self.writers, entry.by: entry.intent}
        if entry.act == "refused":
            return {by: intent for by, intent in self.writers.items() if by != entry.by}
        return {} if entry.act == "open" else self.writers

    def _removers(self, entry: Entry) -> frozenset[str]:
        if entry.act == "aborting":
            return self.removers | {entry.by}
        return self.removers - {entry.by} if entry.act == "stopped" else self.removers


class RunLog:
    """A run's log, as one process reads and appends to it."""

    def __init__(self, folder: Folder) -> None:
        self._log = Log(folder)
        self._where = folder.at("")

    def state(self) -> State:
        """Raises `FatalError` if a newer version of Sluice has written the log."""
        return self._fold(self._log.numbers())

    def append(self, state: State, entry: Entry) -> State | None:
        """Take the step after `state`; the state then. None if another process was faster, or the run's staging is
        gone."""
        number = state.last + 1
        appended = self._log.append(number, entry.model_dump_json().encode(), anchor=1)
        return state.after(number, entry) if appended else None

    def say(self, state: State, entry: Entry) -> State:
        """Append an answer, whatever others have appended since `state`; the state then."""
        while state.act is not None:
            if (after := self.append(state, entry)) is not None:
                return after
            state = self.state()
        return state

    def drop(self) -> None:
        """Remove the log, from its beginning: a process that has read it before cannot append any more. Its last entry
        stays until the rest of the run's staging goes: a run that has no log at all is one of schema 1."""
        self._log.remove(self._log.numbers()[:-1])

    def _fold(self, numbers: Iterable[int]) -> State:
        state = State()
        for number in numbers:
            body = self._log.read(number)
            if number != state.last + 1 or body is None:
                return State(last=number, act="dropping")  # its beginning is gone
            entry = Entry.model_validate_json(body)
            if entry.staging > SCHEMA:
                raise FatalError(
                    f"{self._where} was written by a newer version of Sluice (schema {entry.staging}; this one reads"
                    f" 1 to {SCHEMA})",
                    next_step="let the newer version finish this run, or trigger a new one",
                )
            state = state.after(number, entry)
        return state
