"""The exam of destinations, one after another, and its table: `python -m tests.exam --mib 2048`.

`--write` puts the table into docs/destinations.md. Exit status 0 where every destination passed everything.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.servers.docs import filled
from tests.servers.subjects import SUBJECTS, Subject

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "destinations.md"
HEADING = ("destination", "server", "passed", "largest file", "MiB/s", "memory it took")


class Count:
    """A pytest plugin: runs the tests of one subject, counts what became of them, and keeps what they measured."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.outcomes: Counter[str] = Counter()
        self.measured: dict[str, Any] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        own = [i for i in items if hasattr(i, "callspec") and i.callspec.params.get("subject") == self._subject]
        items[:] = own

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.outcome] += 1
            self.measured |= dict(report.user_properties)

    def row(self) -> tuple[str, ...]:
        tests = self.outcomes.total()
        passed = f"{self.outcomes['passed']} of {tests}"
        if self.outcomes["skipped"] == tests:
            return self._subject.type, self._subject.server, "its server is not installed", "", "", ""
        kept = [str(self.measured.get(name, "")) for name in ("sent", "speed", "memory")]
        return self._subject.type, self._subject.server, passed, *kept


def examined(number: int) -> tuple[tuple[str, ...], int]:
    """Run the exam of one destination: its row, and how much of it failed."""
    count = Count(SUBJECTS[number])
    pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", "tests/contract/test_destinations.py"], plugins=[count])
    return count.row(), count.outcomes["failed"]


def table(rows: list[tuple[str, ...]]) -> str:
    """The rows as Markdown."""
    lines = [HEADING, ("---",) * len(HEADING), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.exam", description=__doc__)
    parser.add_argument("--mib", type=int, default=2048, help="the size of the large file")
    parser.add_argument("--write", action="store_true", help="put the table into docs/destinations.md")
    arguments = parser.parse_args()
    os.environ["SLUICE_EXAM_MIB"] = str(arguments.mib)
    os.chdir(ROOT)
    # Each in a process of its own: what one has left in memory is not free for the next.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        results = list(processes.map(examined, range(len(SUBJECTS))))
    found = table([row for row, _ in results])
    print(f"\n{found}")
    if arguments.write:
        DOCS.write_text(filled(DOCS.read_text(), "exam", found))
    failed = sum(failed for _, failed in results)
    print(f"exam: {failed} failed" if failed else "exam: every destination passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
