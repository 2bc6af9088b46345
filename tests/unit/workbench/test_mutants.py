"""Damaged files: each is imported, or refused with its place. Nothing else happens, and no secret is shown."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.definition.load import load
from sluice.errors import DefinitionError
from sluice.workbench.blocks import EXPORT_FILE, MMP_FILE
from sluice.workbench.connections import of_mmp
from sluice.workbench.exports import Project, export_of
from sluice.workbench.parse import parse
from sluice.workbench.report import Report
from sluice.workbench.sending import Files
from sluice.workbench.source import Source
from tests.unit.workbench.test_round_trip import project
from tests.unit.workbench.variants import SECRETS, mmp, variant

WORDS = (
    b"=",
    b":",
    b"vector: 3 items",
    b"string",
    b"\0",
    b"\xff",
    b"%",
    b'\\"',
    b"0 = ColumnDefinition:\n",
    b"\t",
    b"  ",
)
WORDS += (
    b"= bool: x",
    b"Query = SegmentExportQuery:\n",
    b"-1",
    b"9" * 400,
    b"\r",
    "\u2028".encode(),
    b"(" * 60,
    b"\x1b[31m",
)


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def _without(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.choice((1, 1, 3, 40, 200)) :]


def _with(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(WORDS) + data[at:]


def _byte(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _number(chance: random.Random, data: bytes) -> bytes:
    found = list(re.finditer(rb"\d+", data))
    if not found:
        return data
    one = chance.choice(found)
    return data[: one.start()] + chance.choice((b"0", b"1", b"7", b"", b"-1", b"99999999")) + data[one.end() :]


def _lines(chance: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    one, other = (chance.randrange(len(lines)) for _ in range(2))
    lines[one], lines[other] = lines[other], lines[one] * chance.choice((0, 1, 2))
    return b"".join(lines)


def _indent(chance: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    one = chance.randrange(len(lines))
    lines[one] = chance.choice((b" ", b"\t", b"        ")) + lines[one].lstrip()
    return b"".join(lines)


CHANGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (_cut, _without, _with, _byte, _number, _lines, _indent)


def damaged(chance: random.Random, data: bytes) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 3))):
        data = chance.choice(CHANGES)(chance, data) or b"\n"
    return data


def outcome(number: int, catalog: Project, config: Files) -> str:
    """What an import of the mutant says: `imported`, or the page of its error."""
    chance = random.Random(f"mutant {number}")
    report, found = Report(), Project(catalog.datasets, dict(catalog.segments), catalog.commands)
    try:
        if number % 5 == 0:
            root = parse(Source("MMPExport.cfg", damaged(chance, mmp(number)[0]), secret=True), MMP_FILE)
            shown = str(of_mmp(root, report))
        else:
            root = parse(Source("User.export", damaged(chance, variant(number).data)), EXPORT_FILE)
            shown = str(export_of("User", root, found, config, report))
    except DefinitionError as error:
        placed = re.match(r"(User\.export|MMPExport\.cfg):[1-9]\d*:[1-9]\d*  \S", error.page())
        return error.page() if placed and "nothing was written" in error.next_step else f"no place: {error.page()}"
    lines = "\n".join(map(str, report.lines([root])))
    return f"imported\n{lines}\n{shown}"


def check(numbers: range, folder: Path) -> None:
    declared = load(project(folder)).project
    catalog = Project(declared.datasets, dict(declared.segments), declared.settings.commands)
    config = of_mmp(parse(Source("MMPExport.cfg", mmp(1)[0], secret=True), MMP_FILE), Report())
    pages = [outcome(number, catalog, Files(config)) for number in numbers]
    assert [page for page in pages if any(secret in page for secret in SECRETS)] == []
    assert [page for page in pages if page.startswith("no place")] == []
    imported = sum(page.startswith("imported") for page in pages)
    assert len(pages) / 20 < imported < len(pages) * 0.8


def test_three_hundred_mutants(tmp_path: Path) -> None:
    check(range(300), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_five_thousand_mutants(tmp_path: Path) -> None:
    check(range(1000, 6000), tmp_path)
