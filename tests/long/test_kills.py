"""A hundred rounds of harm on a real scheduler, or as many as ROUNDS says."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.integration.kills import play, playground
from tests.integration.stack import Stack

ROUNDS = int(os.environ.get("ROUNDS", "100"))


def test_readers_see_whole_deliveries_whatever_hurts_a_run(stack: Stack, tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", str(time.time_ns() % 10_000)))
    print(f"SEED={seed} plays the same rounds again, as far as the machine does")
    with playground(stack, tmp_path, seed) as both:
        play(both, ROUNDS)
    assert all(len(kills.seen) > 1 for kills in both)
