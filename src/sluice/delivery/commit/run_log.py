"""The state of one run: the log in its staging folder, folded into a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sluice.delivery.commit.log import Folder, Log
from sluice.errors import FatalError

SCHEMA = 2
"""Of everything that a run stages. Schema 1 had no log; `schema_1.py` reads it."""

Act = Literal["open", "publishing", "refused", "published", "aborting", "stopped", "closed", "dropping"]
"""open: parts may be sent; what is staged from now on belongs to this opening.
publishing: a process may write the manifest of `intent` from now on. The run is decided: no process removes its parts.
refused: that process has not written the manifest and never will.
published: the manifest is at the destination.
aborting: a process removes the run's parts from now on. No process publishes the run.
stopped: that process has stopped removing.
closed: nothing is left to clean.
dropping: the run's staging is being removed."""


class Entry(BaseModel):
    """One step of a run."""

    model_config = ConfigDict(frozen=True)

    act: Act
    by: str
    """The process; each attempt of a task has its own name."""
    intent: str = ""
    """The name of the staged intent."""
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
    """The last of `open`, `publishing`, `published`, `aborting`, `dropping`; None without a log."""
    writers: Mapping[str, str] = field(default_factory=dict)
    """The intents of the processes that may be writing the manifest, by process."""
    removers: frozenset[str] = frozenset()
    """Processes that may be removing parts."""
    intent: str = ""
    """The intent that was published."""
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
    """A run's log, for one process."""

    def __init__(self, folder: Folder) -> None:
        self._log = Log(folder)
        self._path = folder.at("")

    def state(self) -> State:
        """The current state. Raises `FatalError` if a newer version of Sluice has written the log."""
        return self._fold(self._log.numbers())

    def append(self, state: State, entry: Entry) -> State | None:
        """Append `entry` after `state`; the new state. None if another process was faster, or the run's staging was
        removed."""
        number = state.last + 1
        appended = self._log.append(number, entry.model_dump_json().encode(), anchor=1)
        return state.after(number, entry) if appended else None

    def append_always(self, state: State, entry: Entry) -> State:
        """Append `entry`, whatever others have appended since `state`; the new state."""
        while state.act is not None:
            if (after := self.append(state, entry)) is not None:
                return after
            state = self.state()
        return state

    def drop(self) -> None:
        """Remove the log from its beginning, so that a process that has read it cannot append any more. The last entry
        stays until the rest of the run's staging is removed: a run without any log counts as schema 1."""
        self._log.remove(self._log.numbers()[:-1])

    def _fold(self, numbers: Iterable[int]) -> State:
        state = State()
        for number in numbers:
            body = self._log.read(number)
            if number != state.last + 1 or body is None:
                return State(last=number, act="dropping")  # its beginning was removed
            entry = Entry.model_validate_json(body)
            if entry.staging > SCHEMA:
                raise FatalError(
                    f"{self._path} was written by a newer version of Sluice (schema {entry.staging}; this one reads"
                    f" 1 to {SCHEMA})",
                    next_step="let the newer version finish this run, or trigger a new one",
                )
            state = state.after(number, entry)
        return state
