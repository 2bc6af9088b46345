"""The weight of rows does not depend on how many row groups they came in, and neither does its cost."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sluice.model import weight as weighing
from sluice.model.weight import weight, weights

WORDS = ["a", "bb", None, "cccc"]


def test_a_dictionary_that_every_chunk_repeats_is_weighed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    words = pa.array(WORDS * 50)
    encoded = words.dictionary_encode()
    chunks = pa.chunked_array([encoded.slice(number, 1) for number in range(len(encoded))])
    seen: list[int] = []
    each = weighing._each
    monkeypatch.setattr(weighing, "_each", lambda array: seen.append(len(array)) or each(array))
    assert weight(pa.table({"word": chunks})) == weight(pa.table({"word": words})) == 7 * 50
    assert sum(seen) < 3 * len(words), "the dictionary was weighed with every chunk"
    assert weights(pa.table({"word": chunks})).tolist() == weights(pa.table({"word": words})).tolist()
