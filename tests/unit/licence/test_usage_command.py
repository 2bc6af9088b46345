"""`sluice usage` in its three forms."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sluice.cli import main
from sluice.commands import usage as command
from sluice.definition.models.project import Staging
from sluice.runs.journal import Journal
from tests.builders import World
from tests.unit.runs.journals import record

NOW = datetime(2027, 2, 26, 12, tzinfo=UTC)
PROJECT = """
    licence:
      applications:
        - {application: real-time-cdp, tier: ultimate, profiles: 10}
        - {application: journey-optimizer, tier: prime, profiles: 10}
      year_starts: 03-01
    """


class Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return NOW


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    world.declare({"project.yaml": PROJECT})
    monkeypatch.setattr(command, "AirflowConnections", lambda: world)
    monkeypatch.setattr(command, "datetime", Clock)
    journal = Journal.of(Staging(), world)
    for number, (export, at, values) in enumerate(
        [
            ("orders", datetime(2026, 2, 28, 23, 59, tzinfo=UTC), {}),
            ("orders", datetime(2026, 3, 1, tzinfo=UTC), {"bytes": 1_000_000}),
            ("orders", datetime(2027, 2, 24, tzinfo=UTC), {"bytes": 2_800_000, "connection": "s3"}),
            ("visits", datetime(2027, 2, 25, tzinfo=UTC), {"bytes": 300_000, "application": "journey-optimizer"}),
            ("people", datetime(2027, 2, 25, tzinfo=UTC), {"bytes": 77, "kind": "segment-export"}),
        ]
    ):
        journal.append(record(export, f"r{number}", at=at, **({"kind": "dataset-export"} | values)))
    return world


def printed(capsys: pytest.CaptureFixture[str], world: World, *words: str) -> str:
    assert main(["usage", *words, "--include", str(world.include)]) == 0
    return capsys.readouterr().out


def test_the_table(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        printed(capsys, world)
        == """\
contract year 2026: from 2026-03-01 to 2027-02-28, UTC
  entitlement  7,000,000 bytes (7 MB)
  used         4,100,000 bytes (4.1 MB), 58.6% of the entitlement
  forecast     4,432,143 bytes (4.4 MB), 63.3% of the entitlement

dataset exports
kind            application        connection  deliveries  files  records      bytes
dataset-export  -                  out                  1      1       10  1,000,000
dataset-export  -                  s3                   1      1       10  2,800,000
dataset-export  journey-optimizer  out                  1      1       10    300,000

other exports, which do not count
kind            application  connection  deliveries  files  records  bytes
segment-export  -            out                  1      1       10     77
"""
    )


def test_a_line_per_export_or_month(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(printed(capsys, world, "--csv", "--by", "export"))))
    assert [(one["export"], one["bytes"], one["counts"]) for one in rows] == [
        ("orders", "3800000", "True"),
        ("visits", "300000", "True"),
        ("people", "77", "False"),
    ]
    rows = list(csv.DictReader(io.StringIO(printed(capsys, world, "--csv", "--by", "month"))))
    assert [(one["month"], one["application"], one["bytes"]) for one in rows] == [
        ("2026-03", "", "1000000"),
        ("2027-02", "", "2800000"),
        ("2027-02", "journey-optimizer", "300000"),
        ("2027-02", "", "77"),
    ]


def test_another_year_as_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, world, "--json", "--year", "2025"))
    (line,) = found.pop("lines")
    assert found == {
        "year": 2025,
        "year_starts": "2025-03-01",
        "year_ends": "2026-02-28",
        "entitlement": 7_000_000,
        "used": 100,
        "share": 100 / 7_000_000,
        "forecast": None,
        "by": "connection",
    }
    assert line == {
        "counts": True,
        "kind": "dataset-export",
        "application": "",
        "connection": "out",
        "deliveries": 1,
        "files": 1,
        "records": 10,
        "bytes": 100,
    }


def test_without_a_licence_and_deliveries(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.declare({"project.yaml": "{}"})
    assert printed(capsys, world, "--year", "2020") == (
        "contract year 2020: from 2020-01-01 to 2020-12-31, UTC\n"
        "  entitlement  not declared: `licence` in project.yaml\n"
        "  used         0 bytes (0 B)\n\ndataset exports\nnothing was delivered\n"
    )


@pytest.mark.parametrize("year", ["0", "-5", "99999"])
def test_a_year_that_is_none(world: World, capsys: pytest.CaptureFixture[str], year: str) -> None:
    assert main(["usage", "--year", year, "--include", str(world.include)]) == 1
    assert "name the calendar year in which it starts, from 1971 to 2199" in capsys.readouterr().err


def test_a_licence_that_cannot_be_read(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.declare({"project.yaml": PROJECT.replace("ultimate", "ultimatum")})
    assert main(["usage", "--include", str(world.include)]) == 1
    assert "did you mean: ultimate" in capsys.readouterr().err
