"""What is told when a task is stopped."""

from __future__ import annotations

import logging
import threading

import pytest

from sluice.stopping import on_stop, stop
from tests.integration.stack import until


def test_only_what_runs_is_told_to_stop() -> None:
    told = threading.Event()
    with on_stop(told.set):
        pass
    stop()
    assert not told.wait(0.1)
    with on_stop(told.set):
        stop()
        assert told.wait(60)


def test_what_cannot_be_stopped_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sluice.stopping")
    stopped = threading.Event()

    def fail() -> None:
        raise ValueError("card 4711")

    with on_stop(stopped.set), on_stop(fail):
        stop()
        until("both to be logged", lambda: len(caplog.messages) == 2)
    assert stopped.is_set()
    assert sorted(caplog.messages) == [
        "the task is stopped, and so is its query",
        "the task is stopped, but its query may go on: ValueError",
    ]
