"""A table that a module of tests prints when it is over, whatever pytest captures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def printed(config: pytest.Config, heading: str) -> Iterator[list[str]]:
    """Gives a list of lines to fill; they are printed below `heading` when the block ends."""
    lines: list[str] = []
    yield lines
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None or not lines:
        return
    with capture.global_and_fixture_disabled():
        reporter.ensure_newline()
        for line in (heading, *lines):
            reporter.write_line(line)
