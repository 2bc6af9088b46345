"""Staging that workers do not share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.delivery.chunk import chunk
from sluice.delivery.extract import extract
from sluice.delivery.staging import StagedRun
from sluice.errors import FatalError
from sluice.model.access import FolderAccess
from tests.builders import World
from tests.unit.delivery.people import FILES


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", pa.table({"id": range(100)}))
    return world


@pytest.mark.parametrize("used", [False, True], ids=["empty", "with runs of its own"])
def test_a_worker_that_does_not_see_it_says_so(world: World, used: bool) -> None:
    extracted = extract(world.plan("people", "r1"), world, world.watermarks, world.now).model_dump(mode="json")
    elsewhere = replace(world, extra={"sluice_staging": FolderAccess(world.root / "of this worker alone")})
    if used:
        elsewhere.extract("people", "r2")
    with pytest.raises(FatalError, match="does not see the staging folder of this run, which `extract` wrote") as error:
        chunk(StagedRun.from_extracted(extracted), elsewhere)
    assert str(world.root / "sluice_staging" / "staging" / "runs") in error.value.what
    assert "all workers must share the staging folder" in error.value.what
    assert len(chunk(StagedRun.from_extracted(extracted), world)) == 1


def test_what_was_cleaned_is_called_cleaned(world: World) -> None:
    extracted = extract(world.plan("people", "r1"), world, world.watermarks, world.now).model_dump(mode="json")
    staged = StagedRun.from_extracted(extracted)
    staged.open(world).opened.remove(["plan.json"])
    with pytest.raises(FatalError, match="it was cleaned, or an earlier step did not finish"):
        chunk(staged, world)


def test_what_an_older_version_has_extracted_goes_on(world: World) -> None:
    extracted = extract(world.plan("people", "r1"), world, world.watermarks, world.now).model_dump(mode="json")
    del extracted["identity"], extracted["written_at"]
    assert len(chunk(StagedRun.from_extracted(extracted), world)) == 1
