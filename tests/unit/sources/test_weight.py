"""The weight of rows does not depend on how many row groups they came in, and neither does its cost."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sluice.model import weight as weighing
from sluice.model.weight import split, weight, weights

WORDS = ["a", "bb", None, "cccc"]

EACH = {
    "text": pa.array(WORDS),
    "views": pa.array(["é", "longer than twelve bytes", "", "x"], pa.string_view()),
    "views with nulls": pa.array(WORDS, pa.string_view()),
    "bytes": pa.array([b"a", None, b"ccc", b""], pa.large_binary()),
    "lists": pa.array([["a", None], None, [], ["bbb"]], pa.large_list(pa.string_view())),
    "structs": pa.array([{"a": "x", "b": [1, 2]}, None, {"a": None, "b": None}, {"a": "yy", "b": []}]),
    "maps": pa.array([[("k", 1)], None, [], [("long", 2), ("l", 3)]], pa.map_(pa.string(), pa.int16())),
    "dictionary": pa.array(WORDS).dictionary_encode(),
    "numbers": pa.array([1, None, 3, 4], pa.int32()),
    "flags": pa.array([True, None, False, True]),
    "nothing": pa.nulls(4),
}


@pytest.mark.parametrize("values", EACH.values(), ids=EACH)
def test_rows_weigh_what_each_of_them_weighs(values: pa.Array) -> None:
    long = pa.concat_arrays([values] * 3)
    for start, length in ((0, 12), (0, 0), (1, 1), (3, 7), (5, 2)):
        part = pa.table({"c": long.slice(start, length)})
        assert weight(part) == weights(part).sum() == weights(pa.table({"c": long}))[start : start + length].sum()


def test_parts_of_a_table_weigh_as_much_as_the_table() -> None:
    table = pa.table({"c": [f"{i:0{i % 90}}" for i in range(5_000)]})
    parts = list(split(table, 10_000))
    assert pa.concat_tables(parts).equals(table)
    assert all(weight(part) <= 20_000 for part in parts)


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
