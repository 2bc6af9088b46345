"""The first delivery of an incremental export is a backfill of everything, and says so."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tests.builders import World

SAYS = "people: this is the first delivery, so it has all 2 rows, as a backfill: the run continues"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(
        {
            "project.yaml": "guardrails: {first_delivery: warn}",
            "catalog/datasets.yaml": """
                people:
                  kind: profile
                  key: id
                  source: {type: parquet, airflow_conn_id: lake, path: people}
                  incremental: files
                """,
            "connections/out.yaml": "{type: local, airflow_conn_id: out}",
            "exports/nightly.yaml": "{kind: dataset-export, connection: out, datasets: [people]}",
        }
    )
    world.dataset("people", pa.table({"id": [1, 2]}))
    return world


def test_only_the_first_delivery_says_so(world: World) -> None:
    assert world.run("nightly", "manual__1").warnings == (SAYS,)
    assert world.run("nightly", "manual__2").warnings == ()


def test_a_full_run_is_expected_to_have_everything(world: World) -> None:
    assert world.run("nightly", "manual__1", mode="full").warnings == ()


def test_the_log_says_it_by_default(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.declare({"project.yaml": "{}"})
    with caplog.at_level("INFO"):
        assert world.run("nightly", "manual__1").warnings == ()
    assert "people: this is the first delivery" in caplog.text


def test_a_project_switches_it_off(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.declare({"project.yaml": "guardrails: {first_delivery: 'off'}"})
    with caplog.at_level("INFO"):
        world.run("nightly", "manual__1")
    assert "first delivery" not in caplog.text
