"""A measured process: its clock, its memory, its failure."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.place import environment
from benchmarks.process import Failed, measure

_BLOCK = """
import time
from benchmarks.clock import clock
time.sleep(0.3)
with clock() as said:
    held = b"x" * 200_000_000
    time.sleep(0.2)
    said["records"] = 7
"""


@pytest.mark.slow
def test_work_leaves_out_what_came_before_the_clock(tmp_path: Path) -> None:
    measured = measure([sys.executable, "-c", _BLOCK], environment(), tmp_path / "log")
    assert measured.total - measured.work >= 0.3
    assert measured.work >= 0.2
    assert measured.rss >= 200_000_000
    assert measured.said == {"records": 7}


def test_a_process_that_fails_tells_why(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="no such thing"):
        measure([sys.executable, "-c", "raise SystemExit('no such thing')"], dict(os.environ), tmp_path / "log")
