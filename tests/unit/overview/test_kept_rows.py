"""Rows that are kept are those that would be made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sluice.definition.load import load
from sluice.overview.kept import KeptRows
from sluice.overview.row import SILENT, ExportRow, InAirflow, rows
from sluice.runs.record import Record
from tests.builders import World
from tests.unit.runs.journals import record

EXPORT = "kind: dataset-export\nconnection: out\ndatasets: [orders]\nmode: full\n"
FILES = {
    "connections/out.yaml": "type: local\nairflow_conn_id: out\n",
    "catalog/datasets.yaml": "orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: l, path: o}}\n",
    "exports/apples.yaml": EXPORT + "schedule: {daily: '06:00', end: 2026-12-01}\n",
    "exports/berries.yaml": EXPORT,
    "exports/broken.yaml": "kind: dataset-export\n",
}
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def test_only_what_has_changed_is_made_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare(FILES)
    loaded, kept = load(world.include), KeptRows()
    last: dict[str, Record] = {}
    delivered: dict[str, Record] = {}
    airflow = {"apples": InAirflow(), "berries": InAirflow()}

    def seen(now: datetime = NOW) -> dict[str, ExportRow]:
        found = kept.rows(loaded, last, delivered, airflow, now)
        assert found == list(rows(loaded, last, delivered, airflow, now))
        return {one.name: one for one in found}

    first = seen()
    again = seen()
    assert again["apples"] is first["apples"]
    last["apples"] = delivered["apples"] = record("apples", at=NOW)
    assert seen()["apples"].records == 10
    last["apples"] = record("apples", "r2", at=NOW, outcome="failed", why="gone")
    assert (seen()["apples"].status, seen()["apples"].refreshed) == ("failed", NOW)
    airflow["berries"] = InAirflow(run="r1", state="running")
    assert seen()["berries"].status == "processing"
    assert seen()["apples"].scheduled == "on"
    assert seen(NOW + timedelta(days=30))["apples"].scheduled == "ended"
    world.declare({"exports/berries.yaml": EXPORT + "title: Berries\n"})
    loaded = load(world.include)
    assert seen()["berries"].title == "Berries"
    (world.include / "exports/apples.yaml").unlink()
    loaded = load(world.include)
    assert set(seen()) == {"berries", "broken"}


def test_a_run_that_airflow_ended_shows_as_failed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare(FILES)
    loaded = load(world.include)

    def status(last: Record | None, **known: object) -> tuple[str, str, str]:
        last_runs = {"apples": last} if last else {}
        states = {"apples": InAirflow(**known)}  # type: ignore[arg-type]
        one = next(one for one in rows(loaded, last_runs, {}, states, NOW) if one.name == "apples")
        return one.status, one.why, one.run

    ended = {"failed": "r2", "failed_at": NOW}
    assert status(None, **ended) == ("failed", SILENT, "r2")
    assert status(record("apples", "r1", at=NOW - timedelta(hours=1)), **ended) == ("failed", SILENT, "r2")
    assert status(record("apples", "r3", at=NOW + timedelta(hours=1)), **ended) == ("successful", "", "r3")
    assert status(record("apples", "r2", at=NOW, outcome="held", why="many"), **ended) == ("held", "many", "r2")
    assert status(None, **ended, run="r4", state="queued") == ("queued", "", "r4")
