"""How tests are dealt out when pytest has several workers: `pytest -n 2`.

The tests of the real Airflow are one unit, dealt out first: most of their time they wait, and the other workers go
through everything else meanwhile.
"""

from __future__ import annotations

import os

from xdist.scheduler import LoadScopeScheduling

NICENESS = 5


class Units(LoadScopeScheduling):
    """Deals out units in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """What one worker runs as a whole: all that needs the real Airflow, a contract file, one test of the rest."""
    if needs_airflow(nodeid):
        return "tests/integration"
    return nodeid.split("::")[0] if nodeid.startswith("tests/contract/") else nodeid


def needs_airflow(nodeid: str) -> bool:
    return nodeid.startswith("tests/integration/")


def step_back() -> None:
    """Leave the cores to the real Airflow of another worker when it wants them: its tests wait, but not for ever."""
    niceness = os.nice(0)
    if "PYTEST_XDIST_WORKER" in os.environ and niceness < NICENESS:
        os.nice(NICENESS - niceness)
