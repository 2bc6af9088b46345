"""The commit protocol, proved by exhaustion: every order of the calls of two and three processes, a crash of any of
them at any point, and in some stories a fault of the manifest's write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from tests.unit.delivery.commit.actors import Actor, Run, process, recovers, whole
from tests.unit.delivery.commit.interleaving import Process, Search, alone

pytestmark = pytest.mark.slow  # every interleaving

R1, R2 = Run("r1", 10), Run("r2", 20)
FULL1, FULL2 = Run("r1", 10, follows=False), Run("r2", 20, follows=False)
TWO_PARTS = Run("r1", 10, files=2)
BACKFILL = Run("b1", 10, follows=False, ordered=False)


@dataclass(frozen=True)
class Story:
    """What has happened before, one process after another, and who meets then."""

    before: tuple[Process, ...]
    meet: tuple[Process, ...]
    dead: tuple[Run, ...] = (R1, R2)
    follows: bool = True
    faults: int = 0
    tidy: bool = True


def sent(run: Run) -> Process:
    """The run was extracted and uploaded."""

    def act(actor: Actor) -> None:
        actor.extract()
        actor.upload()

    return process(run, "first", act)


def publish(run: Run, by: str = "try1", *, drops: bool = False) -> Process:
    return process(run, by, Actor.publish, drops=drops)


def extracted(run: Run) -> Process:
    return process(run, "first", Actor.extract)


def upload(run: Run, by: str = "upload") -> Process:
    return process(run, by, Actor.upload, sends=True)


def teardown(run: Run, by: str = "teardown", *, sends: bool = False) -> Process:
    return process(run, by, Actor.abort, sends=sends)


def clean(run: Run, *, prune: bool = False, sends: bool = False) -> Process:
    return process(run, "clean", lambda actor: actor.clean(prune=prune), drops=prune, sends=sends)


def whole_run(run: Run, by: str = "whole", *, drops: bool = False) -> Process:
    return process(run, by, Actor.all, drops=drops)


def cleared(run: Run) -> Process:
    """`upload` and `publish` of a run were cleared."""

    def act(actor: Actor) -> None:
        actor.upload()
        actor.publish()

    return process(run, "cleared", act, sends=True)


STORIES = {
    "an upload and the teardown": Story(
        (extracted(TWO_PARTS),), (upload(TWO_PARTS), teardown(TWO_PARTS, sends=True)), (TWO_PARTS,)
    ),
    "an upload sleeps through the teardown and clean": Story(
        (extracted(TWO_PARTS),),
        (upload(TWO_PARTS), teardown(TWO_PARTS, sends=True), clean(TWO_PARTS, sends=True)),
        (TWO_PARTS,),
    ),
    "two tries of an upload and clean": Story(
        (extracted(R1),), (upload(R1), upload(R1, "try2"), clean(R1, sends=True)), (R1,)
    ),
    "two parts: publish and the teardown": Story(
        (sent(TWO_PARTS),), (publish(TWO_PARTS), teardown(TWO_PARTS)), (TWO_PARTS,)
    ),
    "two parts: publish and clean": Story((sent(TWO_PARTS),), (publish(TWO_PARTS), clean(TWO_PARTS)), (TWO_PARTS,)),
    "two tries of publish and the teardown": Story((sent(R1),), (publish(R1), publish(R1, "try2"), teardown(R1))),
    "publish, the teardown and clean": Story((sent(R1),), (publish(R1), teardown(R1), clean(R1))),
    "publish, clean and the next run": Story((sent(R1),), (publish(R1), clean(R1), whole_run(R2))),
    "two runs with the same rows": Story((sent(R1), sent(R2)), (publish(R1), publish(R2), teardown(R1))),
    "full: publish and the next run": Story(
        (sent(FULL1),), (publish(FULL1), whole_run(FULL2)), (FULL1, FULL2), follows=False
    ),
    "full: two runs": Story(
        (sent(FULL1), sent(FULL2)), (publish(FULL1), publish(FULL2)), (FULL1, FULL2), follows=False
    ),
    "full: clean and another run": Story(
        (sent(FULL1), sent(FULL2)), (clean(FULL1), publish(FULL2)), (FULL1, FULL2), follows=False
    ),
    "full: two tries of publish and the teardown": Story(
        (sent(FULL1),), (publish(FULL1), publish(FULL1, "try2"), teardown(FULL1)), (FULL1,), follows=False
    ),
    "a backfill: two tries and the teardown": Story(
        (sent(BACKFILL),), (publish(BACKFILL), publish(BACKFILL, "try2"), teardown(BACKFILL)), (BACKFILL,)
    ),
    "a backfill beside a run": Story(
        (sent(BACKFILL), sent(R1)), (publish(BACKFILL), clean(BACKFILL), publish(R1)), (BACKFILL, R1)
    ),
    "a cleared run while it is cleaned": Story(
        (sent(R1),), (teardown(R1, sends=True), cleared(R1), clean(R1, sends=True))
    ),
    "a sleeping publish while the run is cleared": Story(
        (sent(R1), teardown(R1)), (publish(R1), cleared(R1), clean(R1, sends=True))
    ),
    "a sleeping publish while the run is extracted again": Story(
        (sent(R1), whole_run(R2), teardown(R1)),
        (publish(R1, drops=True), whole_run(R1, "again", drops=True)),
        tidy=False,
    ),
    "staging is dropped beneath a sleeping publish": Story(
        (sent(R1), teardown(R1), clean(R1)), (publish(R1, drops=True), clean(R1, prune=True))
    ),
    "staging is dropped while the run is extracted again": Story(
        (sent(R1), teardown(R1), clean(R1)),
        (process(R1, "again", Actor.extract, drops=True), clean(R1, prune=True)),
        tidy=False,
    ),
    "a manifest's write fails": Story((sent(R1),), (publish(R1), publish(R1, "try2"), teardown(R1)), faults=1),
    "a backfill's manifest is refused": Story(
        (sent(BACKFILL),), (publish(BACKFILL), publish(BACKFILL, "try2"), teardown(BACKFILL)), (BACKFILL,), faults=2
    ),
}


SUITE = frozenset(name for name, story in STORIES.items() if len(story.meet) == 2)
"""The stories that every run of the tests plays. Where three processes meet, there are ten times as many interleavings:
`tests/long` plays those."""


@pytest.mark.parametrize("name", sorted(SUITE))
def test_every_interleaving(name: str, record_property: Callable[[str, object], None]) -> None:
    search = play(STORIES[name])
    record_property("told", f"{name}: {search.states:,} states, {search.worlds:,} worlds")
    assert search.met, "the processes did not meet"


def play(story: Story) -> Search:
    """Every interleaving of a story, checked."""
    files: dict[str, bytes] = {}
    for one in story.before:
        alone(one, files)

    def check(world: Mapping[str, bytes]) -> None:
        whole(world)
        recovers(world, dead=story.dead, follows=story.follows, tidy=story.tidy)

    search = Search(story.meet, check, most_faults=story.faults)
    search.run(files)
    return search
