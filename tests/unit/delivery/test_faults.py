"""A fault at each step of the code path: whatever call fails, or is the process's last, the promise holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sluice.delivery.commit import committing
from sluice.delivery.upload import receipts
from sluice.destinations.probe import NEEDS
from sluice.errors import FatalError
from tests.builders import World
from tests.unit.delivery.faults import CHANGES, KINDS, VERBS, Call, Kind, Tape
from tests.unit.delivery.scene import Scene

BROKEN: dict[Call, Kind] = {Call("destination", "put", 3): "fails before"}
"""A part cannot be sent: with no retry left, the run fails, and its teardown removes the parts before it."""
LOST: dict[Call, Kind] = {Call("destination", "put", 6): "dies after"}
"""The process dies when the manifest has just been written: the next attempt checks for it."""
STORIES: dict[str, tuple[dict[Call, Kind], int]] = {
    "published": ({}, 0),
    "published at the second try": ({}, 1),
    "failed": (BROKEN, 0),
    "lost": (LOST, 1),
}
"""The faults of the story itself, and how often a task is retried."""


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The start of every story."""
    return Scene(World(tmp_path_factory.mktemp("beginning") / "world"))


def play(beginning: Scene, root: Path, story: str, strikes: dict[Call, Kind]) -> Scene:
    own_faults, retries = STORIES[story]
    scene = beginning.again(root, retries)
    scene.tape = Tape(strikes=own_faults | strikes)
    scene.run("struck")
    return scene


def recorded(beginning: Scene, root: Path, story: str) -> list[Call]:
    """Every call of a story, from the first that no other story has made."""
    scene = play(beginning, root, story, {})
    began = scene.tape.calls.index(scene.tape.struck[-1]) + 1 if scene.tape.struck else 0
    calls = scene.tape.calls[began:]
    # The thread that sends the next part may begin before it hears of the failure, or not.
    return [call for call in calls if (call.where, call.verb) != ("destination", "put")] if story == "failed" else calls


@pytest.mark.slow
def test_every_verb_is_struck(beginning: Scene, tmp_path: Path) -> None:
    """The list of faults keeps itself complete: a new verb that no story calls is seen here. Of a destination a run
    calls what the probe tries, and no more."""
    found = {(call.where, call.verb) for story in STORIES for call in recorded(beginning, tmp_path / story, story)}
    wanted = {**VERBS, "destination": {*NEEDS, "locate", "close"}}
    assert found == {(where, verb) for where, verbs in wanted.items() for verb in verbs}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "CHECKS", (0.0, 0.0))
    monkeypatch.setattr(receipts, "INTERVAL", 0.0)  # or no shard would take long enough to have any
    monkeypatch.setattr(os, "fsync", lambda _: None)  # processes die here, and no machine


def reads(story: str, kind: Kind) -> bool:
    """Whether calls that change nothing are struck too. A run without another try ends there as if it had died after
    the change before: that is struck already."""
    return kind == "fails before" and story != "published"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("story", STORIES)
def test_a_fault_at_each_call(beginning: Scene, tmp_path: Path, story: str, kind: Kind) -> None:
    calls = [
        call for call in recorded(beginning, tmp_path / "recorded", story) if call.verb in CHANGES or reads(story, kind)
    ]
    assert calls
    for number, call in enumerate(calls):
        scene = play(beginning, tmp_path / str(number), story, {call: kind})
        assert call in scene.tape.struck, f"{call} did not come to pass"
        try:
            scene.check(settled=False)
            assert scene.run("after"), "nothing disturbs it"
            scene.check(settled=True)
        except (AssertionError, FatalError) as broken:
            raise AssertionError(f"{story}: {call} {kind}: {broken}") from broken
