"""An import, written back and imported again, gives the same declarations."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.definition.load import load
from sluice.workbench.back import Written, export_file
from sluice.workbench.imports import Given, Outcome, import_files
from sluice.workbench.source import Source
from tests.unit.workbench.variants import CATALOG, SECRETS, SERVERS, Variant, mmp, variant


def project(folder: Path, **files: str) -> Path:
    for name, text in (CATALOG | files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def imported(include: Path, config: bytes, exports: list[tuple[str, bytes]]) -> Outcome:
    given = Given(
        exports=[Source(f"{stem}.export", data) for stem, data in exports],
        mmp=Source("MMPExport.cfg", config, secret=True),
        servers=Source("FTPServerInfo.cfg", SERVERS.encode()),
        crs="customer-attributes",
    )
    found = import_files(given, include)
    for draft in found.drafts:  # `back` loads the project; a test of the command writes as it does
        draft.path.parent.mkdir(parents=True, exist_ok=True)
        draft.path.write_bytes(draft.after or b"")
    return found


def declared(include: Path) -> dict[str, str]:
    return {str(path.relative_to(include)): path.read_text() for path in sorted(include.rglob("*.yaml"))}


def back(include: Path) -> list[Written]:
    found = load(include)
    assert not found.errors
    return [
        export_file(found.project, one) for one in (*found.project.exports.values(), *found.project.detached.values())
    ]


def check_batch(folder: Path, numbers: range) -> None:
    config, parameters = mmp(numbers.start)
    variants = [variant(number) for number in numbers]
    once = project(folder / "once")

    found = imported(once, config, [(one.stem, one.data) for one in variants])
    texts = declared(once)
    files = back(once)

    shown = "\n".join([*texts.values(), *map(str, found.report), *found.secrets, *(str(one) for one in files)])
    assert [secret for secret in SECRETS if secret in shown] == []
    check_report(found, variants, parameters)
    twice = project(folder / "twice", **{"catalog/segments.yaml": texts["catalog/segments.yaml"]})
    again = next((one.mmp for one in files if one.mmp), "").encode() or config
    imported(twice, again, [(one.stem, one.export.encode()) for one in files])
    assert declared(twice) == texts


def check_report(found: Outcome, variants: list[Variant], parameters: int) -> None:
    """Every parameter of every file has exactly one line."""
    lines = [line.file for line in found.report]
    assert lines.count("MMPExport.cfg") == parameters
    assert {one.stem: lines.count(f"{one.stem}.export") for one in variants} == {
        one.stem: one.parameters for one in variants
    }


def test_forty_variants_come_back(tmp_path: Path) -> None:
    check_batch(tmp_path, range(40))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_thousand_variants_come_back(tmp_path: Path) -> None:
    for start in range(1000, 2000, 100):
        check_batch(tmp_path / str(start), range(start, start + 100))
