"""Five hundred mutants of the shipped and golden declarations; `make fuzz` makes more, the nightly run ten thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import fuzz
from tests.mutants import mutant

MUTANTS = 500


@pytest.mark.slow
def test_every_mutant_is_valid_or_a_clear_page(tmp_path: Path) -> None:
    tally = fuzz(0, MUTANTS, tmp_path)
    assert not tally.others, "\n\n".join(tally.others)
    assert tally.found.total() == MUTANTS
    assert tally.found["valid"] >= MUTANTS // 20, "mutants that are all wrong prove nothing of what is accepted"


def test_a_number_is_always_the_same_mutant(tmp_path: Path) -> None:
    said = [mutant(7, tmp_path / name) for name in "ab"]
    assert said[0] == said[1]
    files = [sorted((p.name, p.read_bytes()) for p in (tmp_path / n).rglob("*") if p.is_file()) for n in "ab"]
    assert files[0] == files[1]
