"""A fault at any call that a run makes to the world outside: which calls there are is recorded, not written down.

Everything that a run does to its destination, its staging, its receipts and its watermark goes through a `Tape`. Played
once without a fault, it holds the list of all calls; played again with a fault at one of them, the call fails, or the
process dies, before or after it has taken effect. A process that has died makes no further call.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from unittest import mock

from sluice.delivery.commit.watermark import Watermarks
from sluice.delivery.upload.receipts import Receipts
from sluice.destinations.base import Destination, DestinationConfig
from sluice.errors import RetriableError
from sluice.filesystem import Opened
from sluice.model.part import Part

Kind = Literal["fails before", "fails after", "dies after"]
KINDS: tuple[Kind, ...] = ("fails before", "fails after", "dies after")
"""A process that dies before a call leaves what it leaves when it dies after the change before that."""
CHANGES = frozenset({"create", "put", "remove", "abort", "record", "set", "write_bytes", "open_output", "remove_tree"})
"""Verbs that leave something changed; for the others, before and after are the same."""


def verbs(protocol: type) -> frozenset[str]:
    """The methods of a protocol."""
    return frozenset(name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_"))


VERBS: Mapping[str, frozenset[str]] = {
    "destination": verbs(Destination) - {"list"},  # a run checks files by name
    "staging": frozenset(
        {
            "create",
            "write_bytes",
            "open_output",
            "find_bytes",
            "list",
            "open_input",
            "remove",
            "remove_tree",
        }
    ),
    "receipts": verbs(Receipts),
    "watermarks": verbs(Watermarks),
}


class Killed(BaseException):
    """The process is gone: no code of ours sees it."""


@dataclass(frozen=True, order=True)
class Call:
    """The `number`th call of a verb: counted by verb, since threads do not keep one order."""

    where: str
    verb: str
    number: int

    def __str__(self) -> str:
        return f"{self.where}.{self.verb} {self.number}"


@dataclass
class Tape:
    """Records calls, and strikes one of them."""

    strikes: dict[Call, Kind] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    struck: list[Call] = field(default_factory=list)
    dead: bool = False

    def __post_init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._inside = threading.local()

    def play(self, where: str, verb: str, act: Callable[[], Any]) -> Any:
        """Make a call, unless it is struck."""
        with self.around(where, verb):
            return act()

    @contextmanager
    def around(self, where: str, verb: str) -> Iterator[None]:
        """The block makes a call. What a call does by other calls is part of it."""
        if getattr(self._inside, "yes", False):
            yield
            return
        call, kind = self._next(where, verb)
        if kind and kind.endswith("before"):
            self._strike(kind, call)
        self._inside.yes = True
        try:
            yield
        finally:
            self._inside.yes = False
        if kind:
            self._strike(kind, call)

    def _next(self, where: str, verb: str) -> tuple[Call, Kind | None]:
        with self._lock:
            if self.dead:
                raise Killed
            call = Call(where, verb, self._counts[where, verb])
            self._counts[where, verb] += 1
            self.calls.append(call)
            kind = self.strikes.pop(call, None)
            self.struck += [call] if kind else []
        return call, kind

    def _strike(self, kind: Kind, call: Call) -> None:
        if kind.startswith("dies"):
            self.dead = True
            raise Killed
        raise RetriableError(f"struck at {call}")

    @contextmanager
    def recording(self, config: type[DestinationConfig]) -> Iterator[None]:
        """Every destination of this type and all of staging go through the tape."""
        opens = config.open

        def watched(own: DestinationConfig, *args: Any, **words: Any) -> Any:
            return Watched(opens(own, *args, **words), "destination", self)

        with mock.patch.object(config, "open", watched), self._staging():
            yield

    @contextmanager
    def _staging(self) -> Iterator[None]:
        with ExitStack() as patched:
            for verb in VERBS["staging"]:
                patched.enter_context(mock.patch.object(Opened, verb, self._of_staging(verb)))
            yield

    def _of_staging(self, verb: str) -> Callable[..., Any]:
        act: Callable[..., Any] = getattr(Opened, verb)

        def played(opened: Opened, *args: Any, **words: Any) -> Any:
            if opened.conn_id != "sluice_staging":
                return act(opened, *args, **words)
            return self.play("staging", verb, lambda: act(opened, *args, **words))

        @contextmanager
        def streamed(opened: Opened, *args: Any) -> Iterator[Any]:
            with self.around("staging", verb), act(opened, *args) as stream:
                yield stream

        return streamed if verb == "open_output" else played


class Watched:
    """Whatever has the verbs, with each call on tape."""

    def __init__(self, inner: Any, where: str, tape: Tape) -> None:
        self._inner, self._where, self._tape = inner, where, tape

    def __getattr__(self, verb: str) -> Any:
        act = getattr(self._inner, verb)
        if verb not in VERBS[self._where]:
            return act
        return lambda *args, **words: self._tape.play(self._where, verb, lambda: _whole(act(*args, **words)))


def _whole(answer: Any) -> Any:
    """What would be read later is read now: a fault comes within the call, or not at all."""
    return iter(list(answer)) if isinstance(answer, Iterator) else answer


class KeptReceipts:
    """A `Receipts` that outlives the process, as Airflow's does."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Part]] = {}

    def sent(self, extract: str) -> list[Part]:
        return list(self.kept.get(extract, ()))

    def record(self, extract: str, parts: Sequence[Part]) -> None:
        self.kept.setdefault(extract, []).extend(parts)
