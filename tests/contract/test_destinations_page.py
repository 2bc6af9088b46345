"""The tables of docs/destinations.md: each has every destination and every fault, as the tests have them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sluice.destinations import DESTINATIONS
from sluice.errors import DefinitionError, FatalError, RetriableError, SluiceError
from tests.servers.docs import block, filled
from tests.servers.fault_cases import CASES
from tests.servers.lie_cases import LIES
from tests.servers.subjects import SUBJECTS

DOCS = Path(__file__).parents[2] / "docs" / "destinations.md"
ASKED = 2048
"""Mebibytes of the large file that a release is examined with."""

OUTCOMES: dict[type[SluiceError] | None, str] = {
    None: "overcome",
    RetriableError: "retried",
    FatalError: "reported",
    DefinitionError: "reported",
}


def rows(table: str) -> list[list[str]]:
    """A Markdown table's cells, without its heading."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[2:]]


def test_the_exams_table_has_every_subject_and_all_passed() -> None:
    table = rows(block(DOCS.read_text(), "exam"))
    assert [tuple(row[:2]) for row in table] == [(subject.type, subject.server) for subject in SUBJECTS]
    for subject, row in zip(SUBJECTS, table, strict=True):
        passed, tests = re.fullmatch(r"(\d+) of (\d+)", row[2]).groups()  # type: ignore[union-attr]
        assert passed == tests
        assert row[3] == ("32 MiB" if subject.same_client else f"{ASKED:,} MiB")


def test_the_table_of_faults_is_what_the_tests_show(request: pytest.FixtureRequest) -> None:
    """`tests/contract/test_destination_faults.py` proves each cell, and that nothing is left."""
    found = {(case.fault, case.type): OUTCOMES[case.error] for case in CASES}
    faults = dict.fromkeys(case.fault for case in CASES)
    lines = [("fault", *DESTINATIONS), ("---",) * (len(DESTINATIONS) + 1)]
    lines += [(fault, *(found.get((fault, kind), "") for kind in DESTINATIONS)) for fault in faults]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    if request.config.getoption("--update", default=False):
        DOCS.write_text(filled(DOCS.read_text(), "faults", table))
    assert block(DOCS.read_text(), "faults") == table


def test_the_table_of_lies_is_what_the_tests_show(request: pytest.FixtureRequest) -> None:
    """`tests/contract/test_lying_servers.py` proves each cell."""
    rows: dict[str, dict[str, set[str]]] = {}
    for lie in LIES:
        cells = rows.setdefault(f"{lie.lie} | {lie.act}", {})
        cells.setdefault(lie.type, set()).add(OUTCOMES[lie.error])
    kinds = list(dict.fromkeys(lie.type for lie in LIES))
    lines = [("wrong answer", "request", *kinds), ("---",) * (len(kinds) + 2)]
    lines += [(row, *(" or ".join(sorted(cells.get(kind, ()))) for kind in kinds)) for row, cells in rows.items()]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    if request.config.getoption("--update", default=False):
        DOCS.write_text(filled(DOCS.read_text(), "lies", table))
    assert block(DOCS.read_text(), "lies") == table
