"""The volume of a licence, to the byte."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.definition.models.project import Staging
from sluice.delivery.report.report import Report
from sluice.errors import FatalError, HeldError
from sluice.licence.usage import used_in
from sluice.licence.year import year_of
from sluice.plan.explain import explain
from sluice.runs.index import Index
from sluice.runs.journal import Journal
from sluice.runs.record import Record
from tests.builders import NOW, World

PROJECT = """
    licence:
      applications: [{{application: real-time-cdp, tier: prime}}]
      volume: {volume}
      year_starts: 03-09
      over: {over}
    """
FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "catalog/segments.yaml": 'all: {dataset: people, where: "true"}',
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/people.yaml": "{kind: dataset-export, connection: out, datasets: [people], mode: full}",
    "exports/entities.yaml": "{kind: data-out-export, connection: out, entities: [people]}",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", pa.table({"id": range(100)}))
    return world


def declare(world: World, volume: int, over: str = "refuse") -> None:
    world.declare({"project.yaml": PROJECT.format(volume=volume, over=over)})


def used(world: World) -> int:
    index = Index.of(Staging(), world)
    index.refresh()
    project = world._load("people")[0]
    return used_in(index, year_of(world.now, project.settings.licence))


def size_of(world: World) -> int:
    """The bytes of every delivery of `people`."""
    declare(world, 10**12)
    return world.run("people", "first").bytes


def deliver(world: World, run: str = "next", **more: Any) -> Report | str:
    """The report, or why the run ended."""
    staged = world.extract("people", run, **more)
    world.upload(staged)
    try:
        return world.publish(staged)
    except FatalError as error:
        world.abort(staged)
        return f"{type(error).__name__}: {error.what}"


@pytest.mark.parametrize(("spare", "passes"), [(-1, False), (0, True), (1, True)])
def test_the_last_byte_of_the_licence_can_be_delivered(world: World, spare: int, passes: bool) -> None:
    """The estimate is silenced: the first run delivers one record of another size."""
    size = size_of(world)
    declare(world, 2 * size + spare)
    without_estimate(world)
    found = deliver(world)
    assert isinstance(found, Report) is passes
    if isinstance(found, str):
        assert found == (
            f"FatalError: {size:,} bytes were delivered in the contract year from 2026-03-09; with the {size:,} bytes"
            f" of this run, that is more than the {2 * size + spare:,} bytes of the licence: nothing is published"
        )
    assert used(world) == size * (1 + passes)
    assert len([name for name in world.delivered() if "part-" in name]) == 1 + passes, "its parts are removed"


def without_estimate(world: World) -> None:
    """Make the last deliveries look as if a record had no byte."""
    published = {"kind": "segment-export", "outcome": "published", "ended": NOW, "recorded": NOW, "records": 10**9}
    for n in range(5):
        values = {"export": "people", "run": f"light{n}", "flow_run_id": f"light{n}", "bytes": 0, **published}
        Journal.of(Staging(), world).append(Record.model_validate(values))


@pytest.mark.parametrize(("spare", "passes"), [(-1, False), (0, True), (1, True)])
def test_the_estimate_ends_a_run_before_it_sends_anything(world: World, spare: int, passes: bool) -> None:
    size = size_of(world)
    declare(world, 2 * size + spare)
    if passes:
        assert isinstance(deliver(world), Report)
        return
    with pytest.raises(FatalError, match=rf"with about {size} B for the 100 records of this run, that is more than"):
        world.extract("people", "next")
    assert used(world) == size


def test_a_first_run_has_no_estimate(world: World) -> None:
    declare(world, 1)
    assert "more than the 1 bytes" in str(deliver(world, "first"))


@pytest.mark.parametrize(("spare", "warns"), [(1, False), (0, True), (-1, True)])
def test_it_warns_from_the_declared_share(world: World, spare: int, warns: bool) -> None:
    """80 % of the volume are exactly what is delivered, one byte more, or one less."""
    size = size_of(world)
    world.declare(
        {"project.yaml": PROJECT.format(volume=4 * size, over="refuse") + f"  warn_at: {_share(size, spare)}\n"}
    )
    report = deliver(world)
    assert isinstance(report, Report)
    assert [warning for warning in report.warnings if "of the licence are used" in warning] == [
        f"{size:,} bytes were delivered in the contract year from 2026-03-09; with the {size:,} bytes of this run,"
        " 50.0% of the licence are used: the run continues"
    ] * warns


def _share(size: int, spare: int) -> str:
    return f"{(2 * size + spare) / (4 * size) * 100:.10f}%"


def test_over_the_volume_it_warns_as_declared(world: World) -> None:
    size = size_of(world)
    declare(world, 2 * size - 1, "warn")
    report = deliver(world)
    assert isinstance(report, Report)
    assert [warning.partition("; ")[2] for warning in report.warnings] == [
        f"with the {size:,} bytes of this run, that is more than the {2 * size - 1:,} bytes of the licence:"
        " the run continues"
    ]


def test_a_held_run_leaves_nothing_and_passes_once_it_is_released(world: World) -> None:
    size = size_of(world)
    declare(world, 2 * size - 1, "hold")
    without_estimate(world)
    before = world.delivered()
    staged = world.extract("people", "next")
    world.upload(staged)
    with pytest.raises(HeldError) as held:
        world.publish(staged)
    assert held.value.what.endswith("of the licence: the run is held, and nothing is published")
    assert "sluice run people --release" in held.value.next_step
    assert held.value.next_step.startswith(
        "ask for a larger volume and declare it as `licence.volume`, or wait for the"
    )
    world.abort(staged)
    assert world.delivered() == before
    index = Index.of(Staging(), world)
    index.refresh()
    (last,) = index.last().records
    assert (last.outcome, used(world)) == ("held", size)
    report = deliver(world, "released", release=True)
    assert isinstance(report, Report)
    assert report.warnings[-1].endswith("of the licence: the operator released the run")


def test_a_published_run_that_is_cleared_is_not_counted_against_itself(world: World) -> None:
    size = size_of(world)
    declare(world, size)
    assert isinstance(deliver(world, "first"), Report)
    assert used(world) == size


def test_exports_of_other_kinds_are_neither_counted_nor_limited(world: World) -> None:
    size = size_of(world)
    declare(world, size)
    assert world.run("entities", "r1").outcome == "published"
    assert used(world) == size
    assert "licence" not in explain(world.plan("entities"))


def test_a_new_contract_year_starts_with_nothing(world: World) -> None:
    size = size_of(world)
    declare(world, size)
    world.now = datetime(2027, 3, 8, 23, 59, tzinfo=UTC)
    with pytest.raises(FatalError, match="more than"):
        world.extract("people", "next")
    world.now = datetime(2027, 3, 9, tzinfo=UTC)
    assert isinstance(deliver(world), Report)
    assert used(world) == size
