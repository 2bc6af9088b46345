"""Audience Manager's part in a run: before anything is read, before anything is sent, and never twice."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.delivery.steps import explained
from sluice.errors import FatalError, RetriableError
from sluice.model.access import OAuthAccess
from tests.builders import World
from tests.servers.audience_manager import CLIENT, PASSWORD, SECRET, USER, AudienceManager, Fault, audience_manager

pytestmark = pytest.mark.slow  # each test talks to a server

DECLARED = {
    "project.yaml": "staging: {airflow_conn_id: sluice_staging}\nguardrails: {inbound_names: 'off'}\n",
    "catalog/datasets.yaml": """
        visitors:
          kind: profile
          key: pid
          source: {type: parquet, airflow_conn_id: lake, path: visitors}
    """,
    "catalog/segments.yaml": """
        loyal:
          dataset: visitors
          where: visits > 1
    """,
    "connections/mmp.yaml": """
        type: local
        airflow_conn_id: out
        profile: data-workbench
        audience_manager: {airflow_conn_id: aam, data_provider: 895, timeout: 5s, retry_for: 5s}
    """,
    "exports/loyal.yaml": """
        kind: segment-export
        connection: mmp
        segments: [loyal]
        format: {type: template, template: '%1%\\t%2%\\r\\n'}
        fields: [{field: ecid, as: Tracking ID}, pid]
        audience: {id: "12345", visitor_id: Tracking ID}
    """,
}


@pytest.fixture
def server() -> Iterator[AudienceManager]:
    with audience_manager() as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, server: AudienceManager) -> World:
    access = OAuthAccess(CLIENT, SECRET, USER, PASSWORD, api=f"{server.address}/v1")
    world = World(tmp_path, extra={"aam": access})
    world.declare(DECLARED)
    world.dataset("visitors", pa.table({"ecid": ["1", "", None, "4"], "pid": list("abcd"), "visits": [2, 3, 4, 1]}))
    world.refresh("loyal")
    return world


def test_a_run_finds_or_creates_and_delivers_visitors_with_an_id(world: World, server: AudienceManager) -> None:
    report = world.run("loyal")
    assert (report.records, report.rejected) == (1, 2)
    assert [trait["integrationCode"] for trait in server.kept["traits"]] == ["895-12345"]
    world.run("loyal", "manual__2")
    assert [len(server.kept[kind]) for kind in ("traits", "folders/traits", "folders/segments")] == [1, 1, 1]


def test_an_unknown_segment_stops_the_run_before_data_is_read(world: World, server: AudienceManager) -> None:
    server.kept["segments"].clear()
    with pytest.raises(FatalError, match="has no segment 12345") as refused:
        world.run("loyal")
    assert refused.value.subject == ("exports", "loyal", "audience", "id")
    assert world.delivered() == []
    assert not any(server.kept.values())
    assert not list((world.root / "sluice_staging" / "runs").rglob("extract"))


def test_an_outage_is_retried_and_its_rest_is_found_again(world: World, server: AudienceManager) -> None:
    server.faults.extend(Fault("POST /v1/traits", 500) for _ in range(20))
    with pytest.raises(RetriableError, match="create the trait ic:895-12345"):
        world.run("loyal")
    assert world.delivered() == []
    server.faults.clear()
    world.run("loyal")
    assert [len(server.kept[kind]) for kind in ("traits", "folders/traits", "folders/segments")] == [1, 1, 1]


def test_a_run_that_is_refused_or_dry_creates_nothing(world: World, server: AudienceManager) -> None:
    world.extract("loyal", "dry", dry_run=True)
    path = world.include / "exports" / "loyal.yaml"
    path.write_text(path.read_text() + "expect: {min_records: 100}\n")
    with pytest.raises(FatalError):
        world.run("loyal")
    assert not any(server.kept[kind] for kind in ("traits", "folders/traits", "folders/segments"))


def test_the_plan_says_so(world: World) -> None:
    text = explained(world.plan("loyal"))
    assert "logs in to Audience Manager, and checks that it has the segment 12345" in text
    assert "finds or creates in Audience Manager: the folders 895, the trait ic:895-12345" in text
    assert "requires  Tracking ID" in text


def test_the_warning_about_the_segments_rule_is_in_the_report(world: World) -> None:
    assert any("does not contain the trait" in warning for warning in world.run("loyal").warnings)


def test_rows_that_audience_manager_would_not_take_are_in_quarantine(world: World) -> None:
    """Ids that are empty or of the wrong kind, lines that are too long, and more than 200 lines of one visitor."""
    rows = 1_000
    world.dataset(
        "visitors",
        pa.table(
            {
                "ecid": [*["a"] * 250, *["b"] * 200, "c:d", "", "e", *(str(n) for n in range(453, rows))],
                "pid": [str(number) if number != 452 else "p" * 103_000 for number in range(rows)],
                "visits": [2] * rows,
            }
        ),
        files=3,
    )
    world.refresh("loyal")
    path = world.include / "exports" / "loyal.yaml"
    path.write_text(
        path.read_text().replace("{type: template, template: '%1%\\t%2%\\r\\n'}", "{type: audience-manager}")
    )
    report = world.run("loyal")
    assert (report.records, report.rejected) == (rows - 53, 53)
    said = next(one for one in report.warnings if "rejected" in one)
    for reason in (
        "50 x column `Tracking ID`: 200 other rows have the same value, and one file may not have more",
        "1 x the required field `Tracking ID` has no value",
        "1 x column `Tracking ID` contains a colon, which no DPUUID may have",
        "1 x the line has more than 102,400 bytes",
    ):
        assert reason in said
    files = [world.root / "out" / name for name in world.delivered() if name.endswith(".sync.gz")]
    lines = [line for file in files for line in gzip.decompress(file.read_bytes()).decode().splitlines()]
    assert len(lines) == rows - 53
    assert lines[0] == 'a\tic=895-12345,"pid"="0"'
    assert "rows beyond 200 with the same `Tracking ID`" in explained(world.plan("loyal"))


def test_members_that_left_lose_the_trait(world: World, server: AudienceManager) -> None:
    server.add("traits", sid=678, name="Loyal", traitType="ON_BOARDED_TRAIT")
    path = world.include / "exports" / "loyal.yaml"
    text = path.read_text().replace("{type: template, template: '%1%\\t%2%\\r\\n'}", "{type: audience-manager}")
    text = text.replace("field: ecid, as: Tracking ID}, pid", "field: pid, as: Tracking ID}, visits")
    path.write_text(f"{text.replace('visitor_id: Tracking ID', 'visitor_id: Tracking ID, trait: 678')}mode: changes\n")
    found = []
    for number, visits in enumerate(([2, 3, 1], [2, 5, 4], [1, 5, 1])):
        world.dataset("visitors", pa.table({"ecid": ["x"] * 3, "pid": ["a", "b", "c"], "visits": visits}))
        world.refresh("loyal", run_id=f"refresh{number}")
        world.run("loyal", f"manual__{number}")
        files = set(world.delivered()) - {name for name, _ in found}
        new = next(name for name in files if name.endswith(".sync.gz"))
        found += [(name, "") for name in files]
        lines = gzip.decompress((world.root / "out" / new).read_bytes()).decode().splitlines()
        assert (
            sorted(lines)
            == [
                ['a\td_sid=678,"visits"="2"', 'b\td_sid=678,"visits"="3"'],
                ['b\td_sid=678,"visits"="5"', 'c\td_sid=678,"visits"="4"'],
                ["a\td_unsid=678", "c\td_unsid=678"],
            ][number]
        )
    assert [trait["sid"] for trait in server.kept["traits"]] == [678]
