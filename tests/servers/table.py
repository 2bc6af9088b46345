"""A table that a module of tests prints when it is over, whatever pytest captures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest


@contextmanager
def printed(config: pytest.Config, heading: str) -> Iterator[list[str]]:
    """Gives a list of lines to fill; they are printed below `heading` when the block ends. A worker hands them to the
    process that has the terminal, which prints them when the worker ends."""
    lines: list[str] = []
    yield lines
    if not lines:
        return
    if hasattr(config, "workeroutput"):
        config.workeroutput.setdefault("tables", []).append([heading, *lines])
    else:
        show(config, [heading, *lines])


def show(config: pytest.Config, lines: Sequence[str]) -> None:
    """Write lines to the terminal, where pytest has one."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None:
        return
    with capture.global_and_fixture_disabled():
        reporter.ensure_newline()
        for line in lines:
            reporter.write_line(line)
