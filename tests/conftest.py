"""Airflow, where a test imports it, finds a home of its own and leaves the user's alone.

`pytest tests/golden --update` writes what the command prints now: read the diff before you commit it.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.environment import forget_connections, write_to_memory
from tests.servers.table import show
from tests.workers import Units, needs_airflow, place, step_back

ALL_SLOW = re.compile(r"^pytestmark = pytest\.mark\.slow", re.MULTILINE)
MASKED = 1000
"""The most characters of secrets that are masked from one test to the next."""

settings.register_profile("sluice", deadline=None)  # a machine that is busy breaks no promise
settings.load_profile("sluice")
write_to_memory()
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="sluice-airflow-")
os.environ["SLUICE_CACHE"] = os.path.join(os.environ["AIRFLOW_HOME"], "cache")  # noqa: PTH118
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite what is expected: golden cases, blocks of docs")


def pytest_configure() -> None:
    """A run that is ended from outside stops its servers first, as it does after Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_unconfigure() -> None:
    gc.unfreeze()  # libraries complain at the end about what nobody has collected
    shutil.rmtree(os.environ["AIRFLOW_HOME"], ignore_errors=True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make test-fast` leaves out files whose tests are all slow, and folders of such files. Importing them takes as
    long as many tests."""
    if config.option.markexpr != "not slow":
        return None
    files = sorted(collection_path.rglob("test_*.py")) if collection_path.is_dir() else [collection_path]
    left = [file for file in files if file.suffix != ".py" or not ALL_SLOW.search(file.read_text(encoding="utf-8"))]
    return True if files and not left else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place(item.nodeid, slow=item.get_closest_marker("slow") is not None))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What lives as long as the process is not searched for garbage again and again: thousands of tests, and all that
    they import."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have measured, whichever worker they ran in: `record_property("told", ...)`."""
    for report in terminalreporter.stats.get("passed", ()):
        for name, value in report.user_properties:
            if name == "told":
                terminalreporter.write_line(str(value))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not needs_airflow(item.nodeid):
        step_back()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    before = set(os.environ)
    try:
        return (yield)
    finally:
        forget_connections(before)


def pytest_runtest_teardown() -> None:
    """Airflow masks the secrets of every connection that a process has read, and compiles all of them into one pattern
    for each new one. A process has a few connections. These tests have thousands, and spent half of their time on it: a
    key of Google's has thousands of characters."""
    for name in ("airflow.sdk._shared.secrets_masker", "airflow._shared.secrets_masker"):
        if name in sys.modules:
            masker = sys.modules[name]._secrets_masker()
            if sum(map(len, masker.patterns)) > MASKED:
                masker.reset_masker()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Units:
    config.option.loadscopereorder = False
    return Units(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Print the tables of a worker: it has no terminal."""
    for lines in getattr(node, "workeroutput", {}).get("tables", ()):
        show(node.config, lines)
