"""The memory of one process for rows and bytes: one budget, from which everything on the data path has its part.

A step that sends has three quarters of it for rows, which are read, decoded, mapped and encoded, and one for bytes on
their way to the destination. A step that asks an SQL engine gives it one half, beyond which it spills, and has the
other for rows. What has a fixed size follows from the budget; who reads rows takes an estimate from the pool before,
and gives it back after.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

DEFAULT = 512 * 10**6
LEAST = 64 * 10**6
"""Below this, engines have no room to spill and a worker has none for a table."""
_KEPT = 4
"""How often a table is in memory on its way: decoded, mapped, in the format's types, as text."""


class Pool:
    """Bytes that are lent, in the order in which they are asked for. Who asks for more than there is waits for
    everything to be back, and then has it alone: a row may be larger than any pool.

    Nobody who holds some may ask for more."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.lent = 0
        self.most = 0
        """Lent at once, at most."""
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()  # its lock can be taken again: a collector may give back inside it

    def take(self, size: int, given_up: Callable[[], bool] = lambda: False) -> bool:
        """Borrow so many bytes; False where the wait was given up, which is looked at every second."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while self._waiting[0] is not ticket or (self.lent and self.lent + size > self.size):
                    self._changed.wait(1)
                    if given_up():
                        return False
                self.lent += size
                self.most = max(self.most, self.lent)
                return True
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def give(self, size: int) -> None:
        """Give them back."""
        with self._changed:
            self.lent -= size
            self._changed.notify_all()

    @contextmanager
    def held(self, size: int) -> Iterator[None]:
        """Borrowed while the block runs."""
        self.take(size)
        try:
            yield
        finally:
            self.give(size)


class Budget:
    """So many bytes, and what follows from them."""

    def __init__(self, total: int, *, engine: bool = False) -> None:
        self.total = total
        self.shape = total, engine
        self.rows = Pool(total // 2 if engine else total // 4 * 3)
        self.sending = Pool(total // 4)
        self.table = total // 64
        """Bytes of the rows that are handed on at once."""
        self.whole = total // 8
        """Bytes up to which rows that lie together are decoded together, the fastest way."""

    @property
    def engine(self) -> str:
        """What an SQL engine holds before it spills, as DuckDB spells it."""
        return f"{self.total // 2}B"

    def cost(self, decoded: int) -> int:
        """What rows take that are decoded to so many bytes and handed on in tables."""
        return decoded + _KEPT * min(decoded, self.table)


def in_turn(
    act: Callable[[T], R], items: Iterable[T], threads: Executor, *, most: int, weigh: Callable[[R], int]
) -> Iterator[R]:
    """What `act` makes of each item, in order: of several at once, as far as their results have room in an eighth of
    the budget, by the heaviest so far; of one by one at least, and of `most` at most."""
    room, heaviest = budget().total // 8, 0
    waiting: deque[Future[R]] = deque()
    for item in items:
        while len(waiting) >= (1 if not heaviest and waiting else max(1, min(most, room // max(heaviest, 1)))):
            result = waiting.popleft().result()
            heaviest = max(heaviest, weigh(result), 1)
            yield result
        waiting.append(threads.submit(act, item))
    while waiting:
        yield waiting.popleft().result()


_budget = Budget(DEFAULT)


def budget() -> Budget:
    """The process's budget."""
    return _budget


def use(total: int, *, engine: bool = False) -> None:
    """Let the process have so many bytes from now on, of which an SQL engine needs its half or not. What is lent goes
    back to where it came from."""
    global _budget
    if _budget.shape != (total, engine):
        _budget = Budget(total, engine=engine)


def cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
