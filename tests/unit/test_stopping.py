"""What is told when a task is stopped."""

from __future__ import annotations

import logging
import threading

import pytest

from sluice.stopping import on_stop, stop


def stopped() -> None:
    """Stop, and wait until everything has been told. A thread that logs later would do so in the next test."""
    stop()
    for thread in threading.enumerate():
        if thread.name == "stop":
            thread.join()


def test_only_what_runs_is_told_to_stop() -> None:
    told = threading.Event()
    with on_stop(told.set):
        pass
    stopped()
    assert not told.is_set()
    with on_stop(told.set):
        stopped()
        assert told.is_set()


def test_what_cannot_be_stopped_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sluice.stopping")
    told = threading.Event()

    def fail() -> None:
        raise ValueError("card 4711")

    with on_stop(told.set), on_stop(fail):
        stopped()
    assert told.is_set()
    assert sorted(caplog.messages) == [
        "the task is stopped, and so is its query",
        "the task is stopped, but its query may go on: ValueError",
    ]
