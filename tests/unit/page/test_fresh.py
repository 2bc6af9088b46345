"""Values that are made again in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from sluice.page import fresh
from sluice.page.fresh import Fresh

pytestmark = pytest.mark.slow  # each test is a project, an API and its requests


class Made:
    """Counts how often it is made; the nth time takes as long as `slow` says."""

    def __init__(self, slow: Callable[[int], float] = lambda _: 0) -> None:
        self.times, self._slow = 0, slow

    def __call__(self) -> int:
        self.times += 1
        number = self.times
        time.sleep(self._slow(number))
        return number


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_it_is_kept_for_some_seconds() -> None:
    value = Fresh(60, Made())
    assert [value.get(), value.get()] == [1, 1]


def test_an_old_value_answers_while_the_next_one_is_made() -> None:
    value = Fresh(0, Made(slow=lambda number: 0.3 if number > 1 else 0))
    assert value.get() == 1
    began = time.monotonic()
    assert value.get() == 1
    assert time.monotonic() - began < 0.2
    until(lambda: value.get() > 1)


def test_after_a_change_the_next_request_waits() -> None:
    made = Made()
    value = Fresh(60, made)
    value.get()
    value.forget()
    assert value.get() == 2


def test_what_was_begun_before_a_change_is_not_kept() -> None:
    begun, go = threading.Event(), threading.Event()
    numbers = iter(range(1, 9))

    def make() -> int:
        begun.set()
        assert go.wait(100)
        return next(numbers)

    value = Fresh(60, make)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(value.get)
        assert begun.wait(100)
        value.forget()
        go.set()
        assert first.result() == 1
    assert value.get() == 2


def test_a_value_that_is_too_old_answers_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "OLD", 0.05)
    value = Fresh(0.01, Made())
    assert value.get() == 1
    time.sleep(0.1)
    assert value.get() == 2


def test_many_that_ask_at_once_share_one() -> None:
    made = Made(slow=lambda _: 0.1)
    value = Fresh(60, made)
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: value.get(), range(16))) == {1}
    assert made.times == 1


def test_an_error_in_the_background_leaves_the_former_value() -> None:
    made = Made()

    def make() -> int:
        if made() == 2:
            raise ValueError("staging is down")
        return made.times

    value = Fresh(0, make)
    assert value.get() == 1
    until(lambda: value.get() == 3)
