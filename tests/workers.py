"""How tests are dealt out when pytest has several workers: `pytest -n 2`.

The tests of the real Airflow are one unit, dealt out first: most of their time they wait, and the other workers go
through everything else meanwhile. The tests of the page are another one, dealt out after the contracts that take
longest: they need an Airflow of their own, and one that has nothing to do still takes two fifths of a core. They must
not be the last that run, for then a core has nothing to do.
"""

from __future__ import annotations

import os

from xdist.scheduler import LoadScopeScheduling

NICENESS = 5
APART = ("tests/integration/test_wheel.py", "tests/integration/test_site.py", "tests/integration/test_web.py")
"""Integration tests that have an Airflow of their own, or none."""

LONG = (
    "tests/contract/engines/",
    "tests/contract/test_airflow_store.py",
    "tests/contract/test_destinations.py",
    "tests/contract/test_formats.py",
    "tests/contract/test_spark_submit.py",
)
"""The contracts that take longest."""

TOGETHER = (
    "tests/unit/definition/test_rules.py",
    "tests/unit/deploy/test_executor.py",
    "tests/unit/test_connectors.py",
)
"""Unit tests that share what takes seconds to make."""

BROWSER = "tests/browser/"
"""The tests of the page share an Airflow of their own, and a browser."""


class Units(LoadScopeScheduling):
    """Deals out units in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """What one worker runs as a whole: all that shares the real Airflow, all that shares the browser's, a file or a
    folder of the contracts, a file of the rules, of the other integration tests and of `TOGETHER`, one test of the
    rest."""
    if needs_airflow(nodeid):
        return "tests/integration"
    if nodeid.startswith(BROWSER):
        return BROWSER
    file = nodeid.split("::")[0]
    if file in TOGETHER:
        return file
    if file.startswith(("tests/contract/", "tests/integration/", "tests/rules/")):
        return "/".join(file.split("/")[:3])
    return nodeid


def needs_airflow(nodeid: str) -> bool:
    """Whether the test is one of those that share a real Airflow."""
    return nodeid.startswith("tests/integration/") and not nodeid.startswith(APART)


def place(nodeid: str, *, slow: bool) -> int:
    """Where the test comes in the order of the run: what takes longest first."""
    if nodeid.startswith("tests/integration/"):
        return 0 if needs_airflow(nodeid) else 1
    if nodeid.startswith("tests/contract/"):
        return 2 if nodeid.startswith(LONG) else 4
    return 3 if nodeid.startswith(BROWSER) else 5 if slow else 6


def step_back() -> None:
    """Leave the cores to the real Airflow of another worker when it wants them: its tests wait, but not for ever."""
    niceness = os.nice(0)
    if "PYTEST_XDIST_WORKER" in os.environ and niceness < NICENESS:
        os.nice(NICENESS - niceness)
