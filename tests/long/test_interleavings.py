"""Every story of the commit protocol, also those whose interleavings take minutes of a core."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.delivery.commit.test_interleavings import STORIES, SUITE, play


@pytest.mark.parametrize("name", sorted(STORIES.keys() - SUITE))
def test_every_interleaving(name: str, record_property: Callable[[str, object], None]) -> None:
    search = play(STORIES[name])
    record_property("told", f"{name}: {search.states:,} states, {search.worlds:,} worlds")
    assert search.met, "the processes did not meet"
