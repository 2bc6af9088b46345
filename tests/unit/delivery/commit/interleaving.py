"""Every interleaving of a few processes, with a crash at every point.

A process is a plain function whose calls to the world outside go through `Calls`. It is played from its beginning for
each step: calls that it has made before are answered from the record, and the next one stops it. So any process can be
stopped after any call, and the search goes through every order in which the calls of all of them can take effect. Two
orders that lead to the same world and the same answers are one state. A process that is never resumed has crashed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.errors import RetriableError, SluiceError

Act = Callable[[dict[str, bytes]], Any]
"""A call: it changes the files of the world, and answers with a value that can be hashed, or raises."""


class Stopped(BaseException):
    """The process has come to a call that it has not made yet."""

    def __init__(self, act: Act, seen: bool, faults: Sequence[Act]) -> None:
        self.act, self.seen, self.faults = act, seen, faults


class Calls:
    """A process's calls to the world outside."""

    def __init__(self, record: Sequence[Any]) -> None:
        self._record = record
        self._made = 0
        self._stopped: Stopped | None = None

    def make(self, act: Act, *, seen: bool = True, faults: Sequence[Act] = ()) -> Any:
        """Make a call. One that is not `seen` by other processes needs no order of its own: it reads what never
        changes, or writes under a name that no other process has. `faults` are what may happen in its place."""
        if self._stopped is None and self._made == len(self._record):
            self._stopped = Stopped(act, seen, faults)
        if self._stopped is not None:
            raise self._stopped  # also from `finally`: a process that has crashed does nothing more
        answer = self._record[self._made]
        self._made += 1
        if isinstance(answer, SluiceError):
            raise answer
        return answer


Process = Callable[[Calls], Any]


@dataclass(frozen=True)
class State:
    """The world's files, and the answers that each process has had; None for one that has ended."""

    files: tuple[tuple[str, bytes], ...]
    records: tuple[tuple[Any, ...] | None, ...]
    faults: int

    @property
    def key(self) -> Hashable:
        answers = tuple(None if r is None else tuple(_plain(answer) for answer in r) for r in self.records)
        return self.files, answers, self.faults


def _plain(answer: Any) -> Hashable:
    return (type(answer).__name__, answer.what) if isinstance(answer, SluiceError) else answer


@dataclass
class Search:
    """All states that processes can reach from a world; `check` sees the files of each once."""

    processes: Sequence[Process]
    check: Callable[[Mapping[str, bytes]], None]
    most_faults: int = 0
    states: int = 0
    worlds: set[Hashable] = field(default_factory=set)
    _played: dict[Hashable, Stopped | None] = field(default_factory=dict)
    """What a process does next depends on the answers that it has had, and on nothing else."""

    def run(self, files: Mapping[str, bytes]) -> None:
        start = State(tuple(sorted(files.items())), tuple(() for _ in self.processes), 0)
        known, open_states = {start.key}, [start]
        while open_states:
            state = open_states.pop()
            self.states += 1
            if state.files not in self.worlds:
                self.worlds.add(state.files)
                self.check(dict(state.files))
            for after in self._after(state):
                if after.key not in known:
                    known.add(after.key)
                    open_states.append(after)

    def _after(self, state: State) -> Iterator[State]:
        for number, record in enumerate(state.records):
            if record is not None:
                yield from self._steps(state, number, record)

    def _steps(self, state: State, number: int, record: tuple[Any, ...]) -> Iterator[State]:
        stopped = self._play(number, record)
        if stopped is None:
            yield _with(state, number, None, dict(state.files), 0)
            return
        acts = [(stopped.act, 0)]
        if state.faults < self.most_faults:
            acts += [(fault, 1) for fault in stopped.faults]
        for act, faults in acts:
            files = dict(state.files)
            answers = (*record, _answer(act, files))
            while (after := self._play(number, answers)) is not None and not after.seen:
                answers = (*answers, _answer(after.act, files))
            yield _with(state, number, answers if after else None, files, faults)

    def _play(self, number: int, record: tuple[Any, ...]) -> Stopped | None:
        key = number, tuple(map(_plain, record))
        if key not in self._played:
            self._played[key] = _play(self.processes[number], record)
        return self._played[key]


def _with(state: State, number: int, record: Any, files: dict[str, bytes], faults: int) -> State:
    records = (*state.records[:number], record, *state.records[number + 1 :])
    return State(tuple(sorted(files.items())), records, state.faults + faults)


def _play(process: Process, record: Sequence[Any]) -> Stopped | None:
    try:
        process(Calls(record))
    except Stopped as stopped:
        return stopped
    except SluiceError:
        return None
    return None


def _answer(act: Act, files: dict[str, bytes]) -> Any:
    try:
        return act(files)
    except SluiceError as error:
        return error


def alone(process: Process, files: dict[str, bytes]) -> Any:
    """Play a process to its end while nothing disturbs it: what it returns, or raises."""
    record: list[Any] = []
    while True:
        try:
            return process(Calls(record))
        except Stopped as stopped:
            record.append(_answer(stopped.act, files))


def lost(act: Act, *, arrives: bool) -> Act:
    """The call's answer is lost, and it has taken effect or has not."""

    def struck(files: dict[str, bytes]) -> Any:
        if arrives:
            act(files)
        raise RetriableError("no answer")

    return struck
