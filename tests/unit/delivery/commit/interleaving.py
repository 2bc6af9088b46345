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
    """The process has reached a call that it has not made yet."""

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


ENDED = -1

World = int
"""A state of the files, by its number."""
Point = int
"""How far a process has come: all answers that it has had, by their number; `ENDED` if it has ended."""
State = tuple[World, tuple[Point, ...], int]
"""The world, the point of each process, and the faults that have happened."""


@dataclass
class Search:
    """All states that processes can reach from a world; `check` sees the files of each world once."""

    processes: Sequence[Process]
    check: Callable[[Mapping[str, bytes]], None]
    most_faults: int = 0
    states: int = 0
    met: bool = False
    """Whether there is a state in which every process has begun, and none has ended."""
    _worlds: list[dict[str, bytes]] = field(default_factory=list)
    _world_numbers: dict[Hashable, World] = field(default_factory=dict)
    _answers: list[tuple[Any, ...]] = field(default_factory=lambda: [()])
    """The answers at each point; every process starts at point 0."""
    _points: dict[Hashable, Point] = field(default_factory=dict)
    _stops: dict[tuple[int, Point], Stopped | None] = field(default_factory=dict)
    """What a process does next depends on the answers that it has had, and on nothing else."""
    _steps: dict[tuple[World, int, Point], list[tuple[World, Point, int]]] = field(default_factory=dict)

    @property
    def worlds(self) -> int:
        return len(self._worlds)

    def run(self, files: Mapping[str, bytes]) -> None:
        start: State = (self._world(dict(files)), (0,) * len(self.processes), 0)
        known, left = {start}, [start]
        while left:
            for after in self._after(left.pop()):
                if after not in known:
                    known.add(after)
                    left.append(after)
        self.states = len(known)
        self.met = any(all(point not in (0, ENDED) for point in points) for _, points, _ in known)

    def _after(self, state: State) -> Iterator[State]:
        world, points, faults = state
        for number, point in enumerate(points):
            for then, reached, faulty in self._taken(world, number, point) if point != ENDED else ():
                if faults + faulty <= self.most_faults:
                    yield then, (*points[:number], reached, *points[number + 1 :]), faults + faulty

    def _taken(self, world: World, number: int, point: Point) -> list[tuple[World, Point, int]]:
        """The steps that a process can take from a point in a world: where they lead, and whether they are faults."""
        key = world, number, point
        if key not in self._steps:
            stopped = self._stop(number, point)
            if stopped is None:
                self._steps[key] = [(world, ENDED, 0)]
            else:
                acts = [(stopped.act, 0), *((fault, 1) for fault in stopped.faults)]
                self._steps[key] = [self._make(world, number, point, act, faulty) for act, faulty in acts]
        return self._steps[key]

    def _make(self, world: World, number: int, point: Point, act: Act, faulty: int) -> tuple[World, Point, int]:
        files = dict(self._worlds[world])
        point = self._point(point, _answer(act, files))
        while (after := self._stop(number, point)) is not None and not after.seen:
            point = self._point(point, _answer(after.act, files))
        return self._world(files), point if after else ENDED, faulty

    def _stop(self, number: int, point: Point) -> Stopped | None:
        if (number, point) not in self._stops:
            self._stops[number, point] = _play(self.processes[number], self._answers[point])
        return self._stops[number, point]

    def _point(self, point: Point, answer: Any) -> Point:
        plain = (type(answer).__name__, answer.what) if isinstance(answer, SluiceError) else answer
        key = point, plain
        if key not in self._points:
            self._points[key] = len(self._answers)
            self._answers.append((*self._answers[point], answer))
        return self._points[key]

    def _world(self, files: dict[str, bytes]) -> World:
        key = tuple(sorted(files.items()))
        if key not in self._world_numbers:
            self._world_numbers[key] = len(self._worlds)
            self._worlds.append(files)
            self.check(files)
        return self._world_numbers[key]


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
