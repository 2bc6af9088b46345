"""Resending an earlier run: the same names, the same bytes, and an unchanged watermark."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.delivery.report.report import Report
from sluice.delivery.resend import load_run, publish_again
from sluice.delivery.staging import StagedRun
from sluice.delivery.upload.receipts import NoReceipts
from sluice.errors import FatalError, SluiceError
from sluice.model.run import Window
from tests.builders import NOW, World

FILES = {
    "catalog/datasets.yaml": """
        people:
          kind: profile
          key: id
          source: {type: parquet, airflow_conn_id: lake, path: people}
          incremental: {column: at}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out, folder: drop}",
    "exports/grows.yaml": "{kind: dataset-export, connection: out, datasets: [people], chunks: {records: 7}}",
    "exports/whole.yaml": """
        {kind: data-out-export, connection: out, entities: [people], manifest: {success_marker: true}}
        """,
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    people(world, 20)
    return world


def people(world: World, count: int) -> None:
    world.dataset("people", pa.table({"id": range(count), "at": pa.array([NOW] * count, pa.timestamp("us", "UTC"))}))


def there(world: World) -> dict[str, bytes]:
    return {name: (world.root / "out" / name).read_bytes() for name in world.delivered()}


def resend(world: World, export: str, run: str) -> Report:
    """As the tasks of a run that was started to send another again."""
    extracted = load_run(world.plan(export).staging, export, run, world)
    staged = StagedRun.from_extracted(extracted.model_dump())
    world.upload(staged, NoReceipts())
    return publish_again(staged, world, NOW)


@pytest.mark.slow
@pytest.mark.parametrize("export", ["grows", "whole"])
def test_what_was_removed_is_back_byte_by_byte(world: World, export: str) -> None:
    first = world.run(export, "r1")
    before, mark = there(world), dict(world.watermarks)
    shutil.rmtree(world.root / "out" / "drop")
    report = resend(world, export, "r1")
    assert there(world) == before
    assert len(before) > 2
    assert (report.records, report.flow_run_id, report.wakes) == (first.records, first.flow_run_id, False)
    assert dict(world.watermarks) == mark


@pytest.mark.slow
def test_it_is_named_by_its_flow_run_id_too_and_an_older_one_comes_as_well(world: World) -> None:
    first = world.run("grows", "r1")
    manifest = Path(first.manifest)
    world.now = NOW.replace(hour=9)
    world.run("grows", "r2")
    mark, body = dict(world.watermarks), manifest.read_bytes()
    manifest.unlink()
    resend(world, "grows", first.flow_run_id)
    assert manifest.read_bytes() == body
    assert dict(world.watermarks) == mark


@pytest.mark.slow
def test_a_slice_of_time_has_its_own_id(world: World) -> None:
    window = Window(after=NOW.replace(hour=0), until=NOW)
    first = world.run("grows", "backfill__1", run_type="backfill", window=window)
    with pytest.raises(FatalError, match="holds nothing of run backfill__1"):
        load_run(world.plan("grows").staging, "grows", "backfill__1", world)
    assert resend(world, "grows", first.flow_run_id).records == first.records


@pytest.mark.slow
def test_the_next_run_goes_on_from_the_last_delivery(world: World) -> None:
    world.run("grows", "r1")
    resend(world, "grows", "r1")
    assert world.run("grows", "r2").records == 0


@pytest.mark.slow
def test_what_cannot_be_sent_again_says_why(world: World) -> None:
    staging = world.plan("whole").staging
    with pytest.raises(FatalError, match="holds nothing of run r0") as page:
        load_run(staging, "whole", "r0", world)
    assert "sluice report whole" in page.value.page()
    world.extract("whole", "r1")
    with pytest.raises(FatalError, match="has published nothing"):
        load_run(staging, "whole", "r1", world)
    world.run("whole", "r2")
    people(world, 19)
    with pytest.raises(SluiceError, match="can no longer be read"):
        load_run(staging, "whole", "r2", world)


@pytest.mark.slow
def test_other_bytes_than_the_manifest_says_are_refused(world: World) -> None:
    report = world.run("grows", "r1")
    (staged,) = (world.root / "sluice_staging").glob("staging/runs/grows/*/intent-*.json")
    value = json.loads(staged.read_text())
    manifest = json.loads(value["manifest"])
    manifest["exportResults"][1]["sha256"] = "0" * 64
    staged.write_text(json.dumps(value | {"manifest": json.dumps(manifest)}))
    body = Path(report.manifest).read_bytes()
    with pytest.raises(FatalError, match=r"1 of 3 parts differ from the manifest, first .*part-00001"):
        resend(world, "grows", "r1")
    assert Path(report.manifest).read_bytes() == body
