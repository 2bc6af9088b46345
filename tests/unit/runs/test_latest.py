"""What is kept in memory is what the index answers, however the index changes."""

from __future__ import annotations

from datetime import timedelta

from sluice.runs.compact import compact
from sluice.runs.index import Index
from sluice.runs.latest import Latest
from tests.unit.runs.journals import NOW, YESTERDAY, Scene, record

HOUR = timedelta(hours=1)


def agrees(latest: Latest, index: Index) -> None:
    latest.read()
    assert latest.last == {one.export: one for one in index.last().records}
    assert latest.delivered == {one.export: one for one in index.delivered()}


def test_it_follows_the_index(scene: Scene) -> None:
    index = scene.index()
    latest = Latest(index)
    agrees(latest, index)
    scene.add(record("apples", "r1", at=YESTERDAY), record("berries", "r1"))
    agrees(latest, index)
    before = latest.last["berries"]
    scene.add(record("apples", "r2", outcome="failed"), record("cherries", "r1", outcome="held"))
    agrees(latest, index)
    assert latest.last["berries"] is before, "it was not read again"
    assert (latest.last["apples"].run, latest.delivered["apples"].run) == ("r2", "r1")
    scene.add(record("apples", "r2", at=NOW + HOUR))  # the same run reports again
    agrees(latest, index)
    assert latest.delivered["apples"].run == "r2"
    compact(scene.journal, NOW + timedelta(days=1))
    agrees(latest, index)


def test_it_notices_that_the_copy_was_built_again(scene: Scene) -> None:
    scene.add(record("apples", "r1"), record("berries", "r1"))
    index = scene.index()
    latest = Latest(index)
    agrees(latest, index)
    scene.cache().unlink()
    scene.add(record("berries", "r2", at=NOW + HOUR))
    agrees(latest, index)
    assert latest.last["berries"].run == "r2"


def test_a_verification_is_never_the_last_run(scene: Scene) -> None:
    index = scene.index()
    latest = Latest(index)
    scene.add(record("apples", "r1", manifest="m1", at=YESTERDAY), record("berries", "r1", outcome="held"))
    for number, outcome in enumerate(("verified", "differs", "unverified")):
        at = NOW + number * HOUR
        scene.add(
            *(record(name, f"v{number}", outcome=outcome, manifest="m1", at=at) for name in ("apples", "berries"))
        )
        agrees(latest, index)
        assert {name: one.run for name, one in latest.last.items()} == {"apples": "r1", "berries": "r1"}
    assert (found := index.verification("apples", "m1")) is not None
    assert (found.run, found.outcome) == ("v2", "unverified")
    assert index.verification("apples", "m2") is None
    assert [one.run for run in ("r1", "flow r1", "v0") if (one := index.delivery("apples", run))] == ["r1", "r1"]
    assert sum(usage.deliveries for usage in index.usage("export")) == 1
