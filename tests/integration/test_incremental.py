"""Incremental exports and their backfills on a real scheduler."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.stack import Stack
from tests.integration.test_main_job import manifest_of, parts

DAG = "export__visits"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def put(stack: Stack, name: str, ids: range) -> None:
    """A file of visits, one each six hours from the first of March on."""
    path = stack.root / "lake" / "visits" / f"{name}.parquet"
    path.parent.mkdir(exist_ok=True)
    times = pa.array([START + timedelta(hours=6) * n for n in ids], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"id": pa.array(ids, pa.int64()), "at": times}), path)


def ids(report: dict[str, Any]) -> list[int]:
    bodies = [gzip.decompress(part.read_bytes()) for part in parts(report, "visits")]
    return [json.loads(line)["id"] for body in bodies for line in body.splitlines()]


def run(stack: Stack, conf: dict[str, Any] | None = None) -> dict[str, Any]:
    run_id = stack.trigger(DAG, conf)
    assert stack.wait(DAG, run_id) == "success", stack.story(DAG, run_id)
    report: dict[str, Any] = stack.xcom(DAG, run_id, "publish")
    return report


def watermark(stack: Stack) -> dict[str, Any]:
    (asset,) = [one for one in stack.rest.every("assets", "assets") if one["name"] == "watermark/visits"]
    found = stack.rest.get(f"assets/{asset['id']}/state-store/watermark")
    value: dict[str, Any] = found["value"]
    return value


def events(stack: Stack) -> int:
    """How often those who follow the export were told of a delivery."""

    def listed() -> list[dict[str, Any]]:  # an asset that no DAG waits for is active only after the next parse
        return [one for one in stack.rest.every("assets", "assets") if one["name"] == "export/visits"]

    (asset,) = stack.until("the export's asset", listed)
    assert stack.rest.get(f"assets/{asset['id']}")["consuming_tasks"] == [], "an export does not follow itself"
    return len(list(stack.rest.every("assets/events", "asset_events", asset_id=asset["id"])))


@pytest.fixture(scope="module")
def deliveries(stack: Stack) -> list[dict[str, Any]]:
    """The first run, one that fails, and the next."""
    put(stack, "a", range(10))
    stack.unpause(DAG)
    first = run(stack)
    put(stack, "b", range(10, 14))
    hidden = stack.deliveries.with_name("elsewhere")
    folder = stack.deliveries / "drop" / "visits"
    stack.deliveries.rename(hidden)
    stack.deliveries.write_text("a file where the folder was: nothing can be delivered")
    try:
        run_id = stack.trigger(DAG)
        assert stack.wait(DAG, run_id) == "failed"
    finally:
        stack.deliveries.unlink()
        hidden.rename(stack.deliveries)
    assert folder.exists()
    put(stack, "c", range(14, 16))
    return [first, run(stack)]


def test_the_first_run_is_full_and_a_failed_runs_slice_is_in_the_next(
    stack: Stack, deliveries: list[dict[str, Any]]
) -> None:
    assert [ids(report) for report in deliveries] == [list(range(10)), list(range(10, 16))]
    assert events(stack) == 2, "each delivery tells those who follow the export"


def test_deliveries_form_a_chain_that_ends_at_the_watermark(stack: Stack, deliveries: list[dict[str, Any]]) -> None:
    first, second = (manifest_of(report)[0] for report in deliveries)
    assert (first.previous, second.previous) == (None, first.flowRunId)
    assert watermark(stack)["run"] == second.flowRunId
    assert watermark(stack)["feeds"]["visits"]["at"] == "2026-03-05T06:00:00.000000000Z"


def backfill(stack: Stack, *words: str) -> dict[str, bytes]:
    """Three days, as an operator asks for them; the parts in their folders."""
    dates = ("--from-date", "2026-03-02", "--to-date", "2026-03-04")
    asked = stack.cli("backfill", "create", "--dag-id", DAG, *dates, *words)
    assert asked.returncode == 0, asked.stdout + asked.stderr

    def done() -> dict[str, bytes] | None:
        found = list(stack.rest.every("backfills", "backfills", dag_id=DAG))
        return _parts(stack) if found and all(one["completed_at"] for one in found) else None

    return stack.until("the backfill to end", done)


def _parts(stack: Stack) -> dict[str, bytes]:
    folders = sorted((stack.deliveries / "drop" / "visits").glob("exportTime=2026030[234]0000"))
    return {f"{one.name}/{part.name}": part.read_bytes() for one in folders for part in sorted(one.glob("part-*"))}


def test_a_backfill_delivers_each_day_for_itself_and_again_the_same(
    stack: Stack, deliveries: list[dict[str, Any]]
) -> None:
    before, told = watermark(stack), events(stack)
    first = backfill(stack)
    days = {Path(name).parts[0] for name in first}
    assert days == {f"exportTime=2026030{day}0000" for day in (2, 3, 4)}
    manifests = {p.parent.name: json.loads(p.read_bytes()) for p in _manifests(stack)}
    assert [manifests[day]["records"] for day in sorted(days)] == [3, 4, 4]
    assert manifests["exportTime=202603030000"]["feeds"]["visits"]["window"] == (
        "(2026-03-02T00:00:00Z, 2026-03-03T00:00:00Z]"
    )
    assert backfill(stack, "--reprocess-behavior", "completed") == first
    assert (watermark(stack), events(stack)) == (before, told), "a backfill moves nothing and wakes nobody"


def _manifests(stack: Stack) -> list[Path]:
    return sorted((stack.deliveries / "drop" / "visits").glob("exportTime=2026030[234]0000/manifest-*"))


def test_a_slice_that_someone_asks_for_has_the_backfills_names(stack: Stack, deliveries: list[dict[str, Any]]) -> None:
    before = watermark(stack)
    report = run(stack, {"window": {"from": "2026-03-02", "to": "2026-03-03"}})
    (same,) = [p for p in _manifests(stack) if p.parent.name == "exportTime=202603030000"]
    assert Path(report["manifest"]) == same
    assert ids(report) == [3, 4, 5, 6]
    assert watermark(stack) == before
