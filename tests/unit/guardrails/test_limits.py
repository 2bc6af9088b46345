"""Each limit at N-1, N and N+1: of the connection, and of the project."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from sluice.delivery.report.history import History
from sluice.delivery.steps import explained
from sluice.errors import DefinitionError
from sluice.runs.index import Index
from tests.builders import NOW
from tests.unit.guardrails.limits import RECORDS, Limited

pytestmark = pytest.mark.slow

WHERE = pytest.mark.parametrize("where", ["connection", "project"])
SAYS = {"connection": "connection out", "project": "the project"}


def limit(world: Limited, where: str, limits: Mapping[str, object]) -> None:
    world.limit(**{"connection": {}, where: limits})  # type: ignore[arg-type]


@WHERE
@pytest.mark.parametrize(("most", "skipped"), [(RECORDS - 1, True), (RECORDS, False), (RECORDS + 1, False)])
def test_records_per_segment(world: Limited, where: str, most: int, skipped: bool) -> None:
    limit(world, where, {"records_per_segment": most})
    what = f"segment all has 100 records, but {SAYS[where]} accepts {most:,} per segment: the run is skipped"
    assert world.skips() == (what if skipped else "")
    assert world.skips("datasets") == ""


@pytest.mark.parametrize(("most", "near"), [(99, False), (100, True), (111, True), (112, False)])
def test_near_the_limit(world: Limited, most: int, near: bool) -> None:
    """100 records are 90 % of 111, and less of 112."""
    world.limit({"records_per_segment": most})
    if most < RECORDS:
        assert world.skips().endswith("the run is skipped")
        return
    share = {100: 100, 111: 90}.get(most)
    said = f"segment all has 100 records, {share} % of the {most} that connection out accepts per segment"
    assert world.warnings() == ([f"{said}: the run continues"] if near else [])
    assert world.warnings("datasets") == []


@pytest.mark.parametrize("verdict", ["inform", "off"])
def test_near_the_limit_without_a_warning(world: Limited, verdict: str) -> None:
    world.limit({"records_per_segment": 100}, near_limit=verdict)
    assert world.warnings() == []
    assert ("near-limit" in explained(world.plan("segments"))) == (verdict != "off")


@WHERE
@pytest.mark.parametrize(("least", "skipped"), [(RECORDS - 1, False), (RECORDS, False), (RECORDS + 1, True)])
def test_least_records_per_segment(world: Limited, where: str, least: int, skipped: bool) -> None:
    limit(world, where, {"least_records_per_segment": least})
    what = f"segment all has 100 records, but {SAYS[where]} accepts none with fewer than {least}: the run is skipped"
    assert world.skips() == (what if skipped else "")
    assert world.skips("datasets") == ""


@WHERE
@pytest.mark.parametrize(("most", "skipped"), [(RECORDS - 1, True), (RECORDS, False), (RECORDS + 1, False)])
def test_records_per_run(world: Limited, where: str, most: int, skipped: bool) -> None:
    limit(world, where, {"records_per_run": most})
    what = f"the run has 100 records, but {SAYS[where]} accepts {most:,} per run: the run is skipped"
    assert world.skips("datasets") == (what if skipped else "")


def test_records_of_all_feeds_count(world: Limited) -> None:
    world.declare(
        {"catalog/segments.yaml": "{all: {dataset: people, where: 'true'}, few: {dataset: people, where: id < 10}}"}
    )
    world.declare(
        {"exports/segments.yaml": "{kind: segment-export, connection: out, segments: [all, few], fields: [id]}"}
    )
    world.refresh()
    world.limit({"records_per_run": 109})
    assert world.skips().startswith("the run has 110 records")
    world.limit({"records_per_run": 110})
    assert world.skips() == ""


@WHERE
@pytest.mark.parametrize(("most", "skipped"), [(9, True), (10, False), (11, False)])
@pytest.mark.parametrize("key", ["files_per_run", "files_per_feed"])
def test_files(world: Limited, where: str, key: str, most: int, skipped: bool) -> None:
    world.chunks("{records: 10}")
    limit(world, where, {key: most})
    who, per = ("the run", "run") if key == "files_per_run" else ("people", "segment or dataset")
    what = f"{who} has 10 files, but {SAYS[where]} accepts {most} per {per}: the run is skipped"
    assert world.skips("datasets") == (what if skipped else "")


def test_an_empty_file_counts(world: Limited) -> None:
    world.declare(
        {"catalog/segments.yaml": "{all: {dataset: people, where: 'false'}, some: {dataset: people, where: 'true'}}"}
    )
    text = "{kind: segment-export, connection: out, segments: [all, some], fields: [id], when_empty: file}"
    world.declare({"exports/segments.yaml": text})
    world.refresh()
    world.limit({"files_per_run": 1})
    assert world.skips().startswith("the run has 2 files")


@WHERE
@pytest.mark.parametrize(("declared", "most", "used"), [(None, 2000, 2000), (1999, 2000, 1999), (2001, 2000, 2000)])
def test_bytes_per_file(world: Limited, where: str, declared: int | None, most: int, used: int) -> None:
    world.chunks("{}" if declared is None else f"{{bytes: {declared}}}")
    limit(world, where, {"bytes_per_file": most})
    plan = world.plan("datasets")
    assert plan.chunks.bytes == used
    world.run("datasets")
    sizes = [path.stat().st_size for path in (world.root / "out").rglob("part-*")]
    assert len(sizes) > 1
    assert max(sizes) <= used


def test_the_smaller_limit_of_files_counts(world: Limited) -> None:
    for own, of_all in ((3000, 2000), (2000, 3000)):
        world.limit({"bytes_per_file": own}, {"bytes_per_file": of_all})
        assert world.plan("datasets").chunks.bytes == 2000


@WHERE
@pytest.mark.parametrize(("most", "skipped"), [(1, True), (2, True), (3, False)])
def test_runs_per_hour(world: Limited, where: str, most: int, skipped: bool) -> None:
    """Two runs have delivered: a third one is too many for a limit of two."""
    world.run("datasets", "manual__1")
    world.run("segments", "manual__2")
    limit(world, where, {"runs_per_hour": most})
    accepts = f"{SAYS[where]} accepts {most} runs per hour"
    what = f"2 deliveries have ended within an hour, but {accepts}: the run is skipped"
    assert world.skips("datasets", "manual__3") == (what if skipped else "")


def test_an_hour_is_sixty_minutes(world: Limited) -> None:
    world.run("datasets", "manual__1")
    world.limit({"runs_per_hour": 1})
    world.now = NOW + timedelta(minutes=60) - timedelta(seconds=1)
    assert world.skips("datasets", "manual__2")
    world.now = NOW + timedelta(minutes=60)
    assert world.skips("datasets", "manual__2") == ""


def test_a_run_does_not_count_itself(world: Limited) -> None:
    """A cleared run that was published stays published."""
    world.limit({"runs_per_hour": 1, "bytes_per_day": 1})
    assert world.skips("datasets") == ""
    assert world.skips("datasets") == ""
    assert world.skips("datasets", "manual__2")


def test_runs_of_other_connections_count_for_the_project_only(world: Limited) -> None:
    world.declare({"connections/other.yaml": "{type: local, airflow_conn_id: out, folder: other}"})
    world.declare({"exports/other.yaml": "{kind: dataset-export, mode: full, connection: other, datasets: [people]}"})
    world.run("other")
    world.limit({"runs_per_hour": 1})
    assert world.skips("datasets", "manual__2") == ""
    world.limit({}, {"runs_per_hour": 2})
    assert world.skips("datasets", "manual__3").startswith("2 deliveries")


@WHERE
@pytest.mark.parametrize(("more", "skipped"), [(-1, True), (0, True), (1, False)])
def test_bytes_per_day(world: Limited, where: str, more: int, skipped: bool) -> None:
    size = world.run("datasets").bytes
    limit(world, where, {"bytes_per_day": size + more})
    accepts = f"{SAYS[where]} accepts {size + more:,} per day"
    what = f"{size:,} bytes were delivered within a day, but {accepts}: the run is skipped"
    assert world.skips("datasets", "manual__2") == (what if skipped else "")
    world.now = NOW + timedelta(days=1)
    assert world.skips("datasets", "manual__3") == ""


def test_only_deliveries_are_summed(world: Limited) -> None:
    one, two = world.run("datasets", "manual__1"), world.run("datasets", "manual__2")
    staging = world.plan("datasets").staging
    failed = one.model_copy(update={"outcome": "failed", "run": "manual__3", "flow_run_id": "3"})
    History(staging, "datasets", world).keep(failed)
    index = Index.of(staging, world)
    index.refresh()
    before = NOW - timedelta(seconds=1)
    assert index.delivered_since(before) == (2, one.bytes + two.bytes)
    assert index.delivered_since(before, connection="out") == (2, one.bytes + two.bytes)
    assert index.delivered_since(before, connection="other") == (0, 0)
    assert index.delivered_since(before, but=one.flow_run_id) == (1, two.bytes)
    assert index.delivered_since(NOW) == (0, 0)


def test_the_plan_lists_them(world: Limited) -> None:
    limits: dict[str, Any] = {
        "records_per_segment": 1000,
        "least_records_per_segment": 10,
        "records_per_run": 2000,
        "runs_per_hour": 3,
        "bytes_per_day": "1 GB",
        "files_per_run": 9,
        "files_per_feed": 5,
    }
    for connection, project in ((limits, {}), ({}, limits)):
        world.limit(connection, project, schema_change="off")
        _, lines = explained(world.plan("segments")).split("  guardrails\n")
        assert [line.strip() for line in lines.splitlines()] == [
            "records-per-segment       the run is skipped if a segment has more than 1,000 records",
            "near-limit                the run warns if a segment has at least 90 % of 1,000 records",
            "least-records-per-segment the run is skipped if a segment has fewer than 10 records",
            "records-per-run           the run is skipped if it has more than 2,000 records",
            "runs-per-hour             the run is skipped after 3 deliveries within an hour",
            "bytes-per-day             the run is skipped after 1,000,000,000 bytes within a day",
            "files-per-run             the run is skipped if it has more than 9 files",
            "files-per-feed            the run is skipped if a segment or dataset has more than 5 files",
        ]
        _, lines = explained(world.plan("datasets")).split("  guardrails\n")
        assert "per-segment" not in lines


@WHERE
@pytest.mark.parametrize(
    "key",
    [
        "records_per_segment", "least_records_per_segment", "records_per_run", "files_per_run", "files_per_feed",
        "bytes_per_file", "runs_per_hour", "bytes_per_day",
    ],
)  # fmt: skip
def test_a_limit_of_0_is_an_error(world: Limited, where: str, key: str) -> None:
    limit(world, where, {key: 0})
    with pytest.raises(DefinitionError, match=f"`{key}` must be at least 1, not 0"):
        world.plan("datasets")
