"""An export that runs once is done with its first delivery: it is shown so, and delivers again only on request."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.airflow.form import form
from sluice.airflow.schedules import in_words
from sluice.definition.load import load
from sluice.definition.start import is_done
from sluice.errors import DefinitionError, Skipped
from sluice.overview.row import InAirflow, Scheduled, rows
from sluice.plan.run_config import run_config_of
from sluice.runs.index import Index
from tests.builders import NOW, World

ONCE = "{kind: dataset-export, connection: out, datasets: [people], mode: full, schedule: %s}"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("SLUICE_CACHE", str(tmp_path / "cache"))
    world = World(tmp_path)
    source = "{type: parquet, airflow_conn_id: lake, path: people}"
    world.declare(
        {
            "catalog/datasets.yaml": f"people: {{kind: profile, key: id, source: {source}}}",
            "connections/out.yaml": "{type: local, airflow_conn_id: out}",
            "exports/first.yaml": ONCE % "once",
        }
    )
    world.dataset("people", pa.table({"id": [1, 2]}))
    return world


def shown(world: World, **known: Any) -> Scheduled:
    """As on the Exports page, with the index of runs."""
    index = Index.of(load(world.include).project.settings.staging, world)
    index.refresh()
    last = {one.export: one for one in index.last().records}
    delivered = {one.export: one for one in index.delivered()}
    (row,) = rows(load(world.include), last, delivered, {"first": InAirflow(**known)}, world.now)
    return row.scheduled


def test_it_is_done_with_its_first_delivery(world: World) -> None:
    assert shown(world) == "on"
    assert shown(world, run="scheduled__1", state="running") == "ended", "no other run will start"
    world.run("first", "scheduled__1", run_type="scheduled")
    assert shown(world) == "done"
    assert shown(world, paused=True) == "done"


@pytest.mark.parametrize("kind", ["manual", "scheduled", "asset_triggered"])
def test_a_second_run_says_so_before_it_reads_anything(world: World, kind: str) -> None:
    world.run("first", "scheduled__1")
    before = world.delivered()
    (world.root / "lake" / "people" / "000.parquet").unlink()
    world.now += timedelta(days=3)
    with pytest.raises(Skipped) as caught:
        world.run("first", "manual__2", run_type=kind)
    assert "export first runs once, and run scheduled__1 has delivered it on 2026-03-09 04:05 UTC" in caught.value.what
    assert "`sluice run first --again`" in str(caught.value.next_step)
    assert world.delivered() == before
    assert shown(world) == "done"


def test_on_request_it_delivers_again(world: World) -> None:
    world.run("first", "scheduled__1")
    assert world.run("first", "manual__2", again=True).records == 2
    assert len([name for name in world.delivered() if "manifest-" in name]) == 2
    with pytest.raises(Skipped):
        world.run("first", "manual__3")


def test_a_dry_run_and_a_cleared_run_go_on(world: World) -> None:
    world.run("first", "scheduled__1")
    world.extract("first", "manual__2", dry_run=True)
    assert world.run("first", "scheduled__1").records == 2, "the same run, cleared"


def test_a_run_that_published_nothing_leaves_it_undone(world: World) -> None:
    staged = world.extract("first", "scheduled__1")
    world.upload(staged)
    world.abort(staged)
    assert shown(world) == "ended", "it had its run"
    assert world.run("first", "manual__2").records == 2
    assert shown(world) == "done"


def test_with_a_time_only_deliveries_from_then_on_count(world: World) -> None:
    world.declare({"exports/first.yaml": ONCE % f"{{once: {NOW + timedelta(days=1):%Y-%m-%dT%H:%M}}}"})
    world.run("first", "manual__rehearsal")
    assert shown(world) == "on"
    world.now = NOW + timedelta(days=1)
    world.run("first", "scheduled__1")
    assert shown(world) == "done"
    with pytest.raises(Skipped):
        world.run("first", "manual__2")
    world.declare({"exports/first.yaml": ONCE % f"{{once: {NOW + timedelta(days=9):%Y-%m-%dT%H:%M}}}"})
    assert shown(world) == "on", "a later time is another run"


def test_only_what_runs_once_is_ever_done(world: World) -> None:
    world.declare({"exports/first.yaml": ONCE % '"off"'})
    export = load(world.include).project.exports["first"]
    assert not is_done(export, NOW)
    assert "again" not in form(export)
    world.run("first", "manual__1")
    world.run("first", "manual__2")


def test_the_form_and_the_dags_page_say_it(world: World) -> None:
    export = load(world.include).project.exports["first"]
    assert form(export)["again"].value is False
    assert in_words(export).endswith(
        "Once it has delivered, it is done: a run by hand delivers only with *Deliver again*"
    )
    assert run_config_of(export, {"again": True}).again
    with pytest.raises(DefinitionError, match="`again` must be true or false"):
        run_config_of(export, {"again": "yes"})
