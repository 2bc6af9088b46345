"""The memory budget of one process for rows and bytes. Everything on the data path takes its share from it.

A step that sends uses three quarters for rows (read, decoded, mapped, encoded) and one quarter for bytes on their way
to the destination. A step with an SQL engine gives the engine one half, beyond which it spills to disk, and uses the
other half for rows. Fixed sizes are fractions of the budget. Code that reads rows first takes its estimated size from
the pool, and gives it back afterwards.
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
"""With less, an engine cannot even spill, and a worker cannot hold one table."""
_KEPT = 4
"""Copies of a table in memory along the path: decoded, mapped, in the format's types, as text."""


class Pool:
    """Lends bytes in the order of the requests. A request for more than the pool's size waits until everything is back,
    and then has the pool alone: a row may be larger than any pool.

    A thread that holds bytes must not take more: it could deadlock."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.lent = 0
        self.most = 0
        """The most bytes that were lent at the same time."""
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()  # its lock is reentrant: the garbage collector may call `give` inside it

    def take(self, size: int, given_up: Callable[[], bool] = lambda: False) -> bool:
        """Borrow `size` bytes; block until they are free. False if `given_up`, called every second, becomes true."""
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
        """Give `size` bytes back."""
        with self._changed:
            self.lent -= size
            self._changed.notify_all()

    @contextmanager
    def held(self, size: int) -> Iterator[None]:
        """Borrow `size` bytes for the duration of the block."""
        self.take(size)
        try:
            yield
        finally:
            self.give(size)


class Budget:
    """`total` bytes, and the shares that follow from them."""

    def __init__(self, total: int, *, engine: bool = False) -> None:
        self.total = total
        self.shape = total, engine
        self.rows = Pool(total // 2 if engine else total // 4 * 3)
        self.sending = Pool(total // 4)
        self.table = min(total, DEFAULT) // 32
        """The most bytes of one table that is passed on. A larger budget is for more workers, not for larger tables."""
        self.whole = total // 8
        """Adjacent rows of up to so many bytes are decoded together, which is fastest."""

    @property
    def engine(self) -> str:
        """The memory limit of an SQL engine before it spills, in DuckDB's syntax."""
        return f"{self.total // 2}B"

    def cost(self, decoded: int) -> int:
        """Bytes of memory for rows that decode to `decoded` bytes and are passed on in tables."""
        return decoded + _KEPT * min(decoded, self.table)


def in_turn(
    act: Callable[[T], R], items: Iterable[T], threads: Executor, *, most: int, weigh: Callable[[R], int]
) -> Iterator[R]:
    """Apply `act` to each item in parallel, and yield the results in order. At most `most` items are in flight, and no
    more than fit into an eighth of the budget if each weighs as much as the heaviest result so far; at least one."""
    room, heaviest = budget().total // 8, 0
    waiting: deque[Future[R]] = deque()
    for item in items:
        # Until the first result is weighed, only one item is in flight.
        while len(waiting) >= (1 if not heaviest and waiting else max(1, min(most, room // max(heaviest, 1)))):
            result = waiting.popleft().result()
            heaviest = max(heaviest, weigh(result), 1)
            yield result
        waiting.append(threads.submit(act, item))
    while waiting:
        yield waiting.popleft().result()


_budget = Budget(DEFAULT)


def budget() -> Budget:
    """The budget of this process."""
    return _budget


def use(total: int, *, engine: bool = False) -> None:
    """Set the budget of this process to `total` bytes; `engine` reserves half for an SQL engine. Bytes that are lent
    when it is called go back to the old budget."""
    global _budget
    if _budget.shape != (total, engine):
        _budget = Budget(total, engine=engine)


def cores() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
