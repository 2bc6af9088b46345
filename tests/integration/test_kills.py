"""Six rounds of harm on a real scheduler; `make test-nightly` plays a hundred."""

from __future__ import annotations

from pathlib import Path

from tests.integration.kills import HARMS, TASKS, play, playground
from tests.integration.stack import Stack

ROUNDS = 6


def test_readers_see_whole_deliveries_whatever_hurts_a_run(stack: Stack, tmp_path: Path) -> None:
    with playground(stack, tmp_path, seed=6) as both:
        play(both, ROUNDS)
    met = {harm for kills in both for harm in HARMS if any(kills.done[f"{harm} in {task}"] for task in TASKS)}
    assert len(met) >= 3, [kills.done for kills in both]
