"""Two runs with the same file names, in every interleaving: the file is that of the run whose claim counts, and no
process of another run replaces or removes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.unit.delivery.commit.actors import Run
from tests.unit.delivery.commit.claimants import NAME, Claimant, claimant, owner
from tests.unit.delivery.commit.interleaving import Process, Search, alone

pytestmark = pytest.mark.slow  # every interleaving

A, B = Run("a", 10, follows=False), Run("b", 10, follows=False)


def begun(run: Run) -> Process:
    return claimant(run, "first", Claimant.extract)


def send(run: Run, by: str = "upload") -> Process:
    return claimant(run, by, Claimant.send)


def teardown(run: Run, by: str = "teardown") -> Process:
    return claimant(run, by, Claimant.take_back)


def clean(run: Run) -> Process:
    return claimant(run, "clean", lambda actor: actor.take_back(later=True))


STORIES: dict[str, tuple[tuple[Process, ...], tuple[Process, ...]]] = {
    "two runs send": ((begun(A), begun(B)), (send(A), send(B))),
    "a run sends while the other is cleaned": ((begun(A), begun(B), send(A)), (clean(A), send(B))),
    "a cleaned run is cleared while another one sends": (
        (begun(A), begun(B), send(A), teardown(A), clean(A)),
        (send(A, "cleared"), send(B)),
    ),
    "a teardown sleeps while the run is cleaned and another one sends": (
        (begun(A), begun(B), send(A)),
        (teardown(A), clean(A), send(B)),
    ),
    "a refused run is torn down": ((begun(A), begun(B), send(A)), (send(B), teardown(B))),
}


@pytest.mark.parametrize("name", sorted(STORIES))
def test_every_interleaving(name: str, record_property: Callable[[str, object], None]) -> None:
    before, meet = STORIES[name]
    files: dict[str, bytes] = {}
    for one in before:
        alone(one, files)
    search = Search(meet, check)
    search.run(files)
    record_property("told", f"{name}: {search.states:,} states, {search.worlds:,} worlds")
    assert search.met, "the processes did not meet"


def check(files: Mapping[str, bytes]) -> None:
    """A file belongs to the run whose claim counts. That run keeps it: the teardown of another run does not remove
    it."""
    there = files.get(NAME, b"").decode()
    assert there in ("", owner(files)), "another run's file is there"
    assert all(name == f"sent/{there}" for name in files if name.startswith("sent/")), "a file that was sent is gone"
    other = {"a": B, "b": A}.get(there)
    if other is not None:
        world = dict(files)
        alone(clean(other), world)
        assert world.get(NAME, b"").decode() == there, "another run has removed it"
