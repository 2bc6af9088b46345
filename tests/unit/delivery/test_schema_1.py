"""An upgrade: what the version before the commit log has staged is read, finished and cleaned.

`schema_1.tar.gz` is a world as that version has left it: of `whole`, which delivers everything, a run that is
published, one in flight and one that died; of `grows`, which is incremental, a delivery and a run in flight.
"""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest

from sluice.delivery.cleaning.clean import Cleaner
from sluice.delivery.commit.run_log import SCHEMA, Entry, RunLog, State
from sluice.delivery.staging import StagedRun
from sluice.errors import FatalError
from sluice.model.manifest import Manifest
from tests.builders import Kept, World

WRITTEN = 1795658007815860364
"""When the lake's first file was written, in nanoseconds: the position of `grows` says so."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    with tarfile.open(Path(__file__).with_name("schema_1.tar.gz")) as packed:
        packed.extractall(tmp_path, filter="data")
    os.utime(tmp_path / "lake" / "people" / "000.parquet", ns=(WRITTEN, WRITTEN))
    return World(tmp_path, watermarks=Kept(json.loads((tmp_path / "watermarks.json").read_text())))


def staged(world: World, export: str, run_id: str) -> StagedRun:
    return StagedRun.of(world.plan(export, run_id))


def manifests(world: World) -> dict[str, Manifest]:
    found = [Manifest.model_validate_json(path.read_bytes()) for path in (world.root / "out").rglob("manifest-*")]
    return {f"{one.export} {one.run_id}": one for one in found}


@pytest.mark.slow
def test_runs_in_flight_are_published(world: World) -> None:
    assert world.publish(staged(world, "whole", "in-flight")).records == 40
    assert world.publish(staged(world, "grows", "in-flight")).records == 10
    assert manifests(world)["grows in-flight"].previous == manifests(world)["grows first"].flowRunId


@pytest.mark.slow
def test_the_next_run_follows_the_last_delivery(world: World) -> None:
    assert world.run("grows", "next").records == 10
    with pytest.raises(FatalError, match="another run has published in the meantime"):
        world.publish(staged(world, "grows", "in-flight"))


@pytest.mark.slow
def test_a_delivery_that_died_before_its_watermark_counts(world: World) -> None:
    world.watermarks.clear()
    assert world.run("grows", "next").records == 10


@pytest.mark.slow
def test_dead_runs_are_cleaned_and_published_ones_are_left(world: World) -> None:
    parts = len([name for name in world.delivered() if "part-" in name])
    cleaner = Cleaner(world.plan("whole").staging, "whole", world, lambda run: run != "in-flight")
    (cleaned,) = cleaner.clean(world.now)
    assert cleaned.sentence == "run dead is over: 2 parts and 0 unfinished uploads removed"
    assert len([name for name in world.delivered() if "part-" in name]) == parts - 2
    assert "whole published" in manifests(world)
    assert world.publish(staged(world, "whole", "in-flight")).records == 40


@pytest.mark.slow
def test_a_published_run_is_known_to_be_published(world: World) -> None:
    assert world.abort(staged(world, "whole", "published")).published
    before = manifests(world)
    assert world.run("whole", "published").records == 40
    assert manifests(world) == before, "it is sent again as it was"


@pytest.mark.slow
def test_a_published_run_never_looks_unpublished(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not between two entries of its log either: another process would remove its parts."""
    run, append = staged(world, "whole", "published"), RunLog.append

    def dies(log: RunLog, state: State, entry: Entry) -> State | None:
        append(log, state, entry)
        raise KeyboardInterrupt

    before = world.delivered()
    with monkeypatch.context() as broken:
        broken.setattr(RunLog, "append", dies)
        with pytest.raises(KeyboardInterrupt):
            world.abort(run)
    assert world.abort(run).published
    assert world.delivered() == before


def test_what_a_newer_version_has_staged_is_left_to_it(world: World) -> None:
    run = staged(world, "whole", "in-flight")
    newer = {"act": "open", "by": "x", "staging": SCHEMA + 1}
    run.open(world).opened.create("log/00000001/entry.json", json.dumps(newer).encode())
    with pytest.raises(FatalError, match=f"newer version of Sluice .schema {SCHEMA + 1}"):
        world.publish(run)
