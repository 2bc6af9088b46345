"""The record of whom deliveries held: found by key, kept for some days, and unreadable without its salt."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.airflow import connections as airflow
from sluice.cli import main
from sluice.definition.models.subjects import Subjects
from sluice.delivery.commit import committing
from sluice.delivery.resend import load_run, publish_again
from sluice.delivery.staging import StagedRun
from sluice.delivery.subjects.record import Held
from sluice.delivery.subjects.search import search
from sluice.errors import DefinitionError
from sluice.model.access import SecretAccess
from tests.builders import World

pytestmark = pytest.mark.slow

FILES = {
    "project.yaml": "subjects: {salt_conn_id: subjects, keep: 30 days}",
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        clicks: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/people.yaml": "{kind: dataset-export, connection: out, datasets: [people, clicks], mode: full}",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, extra={"subjects": SecretAccess(b"pepper"), "salt": SecretAccess(b"salt")})
    world.declare(FILES)
    world.dataset("people", pa.table({"id": [f"p{n}" for n in range(300)], "v": range(300)}), files=2)
    return world


def found(world: World, key: str, days: int = 30, salt: str = "subjects") -> list[Held]:
    staging = world.plan("people").staging
    return list(search(key, staging, Subjects(salt_conn_id=salt), world, world.now, days))


def test_a_delivery_is_found_by_the_keys_that_it_held(world: World) -> None:
    world.run("people", "manual__1")
    world.dataset("people", pa.table({"id": ["p1", "new", None, "new"], "v": range(4)}))
    (world.root / "lake/people/001.parquet").unlink()
    world.now += timedelta(days=1)
    world.run("people", "manual__2")
    assert [(one.run, one.feed) for one in found(world, "p1")] == [("manual__1", "people"), ("manual__2", "people")]
    assert [one.run for one in found(world, "p2")] == ["manual__1"], "events are not recorded: their key is not theirs"
    (one,) = found(world, "new")
    assert (one.run, one.export, one.connection, one.mode) == ("manual__2", "people", "out", "full")
    assert one.manifest.endswith(".json")
    assert (one.at, one.dataset) == (world.now, "people")
    assert [found(world, key) for key in ("P1", "p", "", "nobody", "' or 1=1 --")] == [[]] * 5


def test_staging_holds_no_key_and_without_the_salt_nothing_is_found(world: World) -> None:
    world.run("people")
    files = [path for path in (world.root / "sluice_staging").rglob("*.parquet") if "subjects" in path.parts]
    (file,) = files
    assert b"p299" not in file.read_bytes()
    assert pq.read_table(file)["digest"].to_pylist() == sorted(set(pq.read_table(file)["digest"].to_pylist()))
    assert len(found(world, "p299")) == 1
    assert found(world, "p299", salt="salt") == []


def test_without_subjects_nothing_is_recorded(world: World) -> None:
    world.declare({"project.yaml": "{}"})
    world.run("people")
    assert not (world.root / "sluice_staging/staging/subjects").exists()
    with pytest.raises(DefinitionError, match="keeps no record"):
        list(search("p1", world.plan("people").staging, None, world, world.now, 30))


def test_a_missing_salt_stops_the_run_before_anything_is_read(world: World) -> None:
    del world.extra["subjects"]
    with pytest.raises(DefinitionError, match="no Airflow connection subjects"):
        world.extract("people")


@pytest.mark.parametrize(("days", "kept"), [(30, 2), (31, 1)])
def test_records_are_kept_for_some_days(world: World, days: int, kept: int) -> None:
    world.run("people", "manual__1")
    world.now += timedelta(days=days)
    world.run("people", "manual__2")
    assert len(found(world, "p1", days=400)) == kept
    assert len(found(world, "p1", days=29)) == 1


@pytest.mark.parametrize(
    "key", ["id", "{field: id, hash: sha256}", "{field: id, hash: {type: sha256, salt_conn_id: salt}, as: number}"]
)
def test_a_delivery_of_changes_holds_only_what_it_delivered(world: World, key: str) -> None:
    world.declare(
        {
            "catalog/segments.yaml": "all: {dataset: people, where: 'true'}",
            "exports/people.yaml": f"""
                kind: segment-export
                connection: out
                segments: [all]
                mode: changes
                fields: [{key}, v]
                """,
        }
    )

    def run(number: int) -> None:
        world.refresh("all", run_id=f"manual__{number}")
        world.run("people", f"manual__{number}")

    run(1)
    world.dataset("people", pa.table({"id": ["p1", "p2", "new"], "v": [1, -2, 3]}))
    (world.root / "lake/people/001.parquet").unlink()
    world.now += timedelta(days=1)
    run(2)
    assert [one.run for one in found(world, "p2")] == ["manual__1", "manual__2"], "changed"
    assert [one.run for one in found(world, "p1")] == ["manual__1"], "the same as before"
    assert [one.run for one in found(world, "p9")] == ["manual__1"], "removed: only its key was sent"
    assert [(one.run, one.mode) for one in found(world, "new")] == [("manual__2", "changes")]


def test_a_run_is_recorded_before_it_is_decided_and_a_resend_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "CHECKS", (0.0, 0.0))
    world.run("people", "manual__1")
    world.now += timedelta(days=2)
    staging = world.plan("people").staging
    extracted = load_run(staging, "people", "manual__1", world)
    staged = StagedRun.from_extracted(extracted.model_dump(mode="json"))
    world.upload(staged)
    publish_again(staged, world, world.now)
    assert [one.at for one in found(world, "p1")] == [world.now - timedelta(days=2), world.now]


def test_the_command(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("people", "manual__1")
    monkeypatch.setattr(airflow.AirflowConnections, "get", lambda _, conn_id: world.get(conn_id))
    days = "100000"
    include = ["--include", str(world.include)]
    assert main(["subject", "p1", "--days", days, "--json", *include]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["run"] == "manual__1"
    assert main(["subject", "p1", "--days", days, "--dataset", "clicks", *include]) == 0
    assert "no delivery" in capsys.readouterr().out
    assert main(["subject", "p1", "--dataset", "peopel", *include]) != 0
    capsys.readouterr()
    assert main(["audit", "--json", *include]) == 0
    entries = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    assert {(one["verb"], one["outcome"]) for one in entries} == {("search-subject", "done")}
    assert '"p1' not in json.dumps(entries)
