"""Members by their keys: as a bit array, hashed by DuckDB, or by number, the same rows are selected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import DefinitionError, FatalError
from sluice.memory import budget
from sluice.model.layout import as_numpy, whole_numbers
from sluice.sources import selection
from sluice.sources.base import Pinned, Slice, encode_schema
from sluice.sources.bits import bits_of
from sluice.sources.row_set import RowSet
from sluice.sources.selection import select

WHOLE = {
    **{f"int{width}": (-(2 ** (width - 1)), 2 ** (width - 1) - 1) for width in (8, 16, 32, 64)},
    **{f"uint{width}": (0, 2**width - 1) for width in (8, 16, 32, 64)},
}
"""The types of whole numbers, with their least and greatest value."""


@dataclass
class Rows:
    """A source over rows in memory: slices of the given sizes, each read as tables of three rows."""

    table: pa.Table
    sizes: Sequence[int]
    missing: int = 0
    """Rows that are no longer there when they are read."""

    def pin(self) -> Pinned:
        slices = tuple(Slice(unit="u", index=i, records=size) for i, size in enumerate(self.sizes))
        return Pinned(version="v", schema_ipc=encode_schema(self.table.schema), units={"u": ""}, slices=slices)

    def read(
        self, pinned: Pinned, piece: Slice, columns: Sequence[str] | None, *, as_decoded: bool = False
    ) -> Iterator[pa.Table]:
        whole = self.table.slice(sum(self.sizes[: piece.index]), piece.records - self.missing).select(columns)
        yield from (whole.slice(at, 3) for at in range(0, piece.records, 3))


def chosen(source: Rows, **how: Any) -> list[tuple[list[int], list[int]]]:
    found = list(select(source, source.pin(), key="id", **{"keys": None, **how}))
    assert [one.index for one in found] == list(range(len(source.sizes)))
    assert {one.rows.type for one in found} | {one.rejects.type for one in found} <= {pa.uint32()}
    return [(one.rows.to_pylist(), one.rejects.to_pylist()) for one in found]


def by_value(source: Rows, keys: Sequence[Any]) -> list[tuple[list[int], list[int]]]:
    """What must be found, by Python's own sets."""
    members, values = {key for key in keys if key is not None}, source.table["id"].to_pylist()
    starts = [sum(source.sizes[:index]) for index in range(len(source.sizes))]
    return [
        ([row for row, value in enumerate(values[start : start + size]) if value in members], [])
        for start, size in zip(starts, source.sizes, strict=True)
    ]


@st.composite
def numbers_of_a_type(draw: st.DrawFn) -> tuple[pa.DataType, list[int | None], list[int]]:
    """A type, values with nulls and duplicates, and keys: close together, anywhere, or at the ends of the type."""
    name = draw(st.sampled_from(sorted(WHOLE)))
    low, high = WHOLE[name]
    center = draw(st.integers(low, high))
    near = st.integers(max(low, center - 40), min(high, center + 40))
    one = st.one_of(near, st.sampled_from([low, low + 1, high - 1, high]), st.integers(low, high))
    some = near if draw(st.booleans()) else one
    values = draw(st.lists(st.none() | one | near, max_size=40))
    keys = draw(st.lists(some, unique=True, max_size=30))
    return pa.type_for_alias(name), values, keys + [v for v in values[:3] if v is not None and v not in keys]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data(), drawn=numbers_of_a_type())
def test_bits_hashes_and_sets_select_the_same_rows(
    data: st.DataObject, drawn: tuple[pa.DataType, list[int | None], list[int]]
) -> None:
    kind, values, keys = drawn
    ends = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=3)))
    sizes = [end - start for start, end in zip([0, *ends], [*ends, len(values)], strict=True)]
    source = Rows(pa.table({"id": pa.array(values, kind), "n": pa.array([1] * len(values), pa.int8())}), sizes)
    array = pa.array(keys, kind)
    found = chosen(source, keys=array)
    assert found == by_value(source, keys)
    with pytest.MonkeyPatch.context() as without_bits:
        without_bits.setattr(selection, "bits_of", lambda *_: None)
        assert chosen(source, keys=array) == found


@pytest.mark.parametrize("name", WHOLE)
def test_the_ends_of_every_type(name: str) -> None:
    low, high = WHOLE[name]
    kind, values = pa.type_for_alias(name), [low, low + 1, None, 0, 1, high - 1, high, high, low]
    source = Rows(pa.table({"id": pa.array(values, kind)}), [4, 0, 5])
    for keys in ([low], [high], [low, low + 1], [high - 1, high], [low, high], [1], []):
        assert chosen(source, keys=pa.array(keys, kind)) == by_value(source, keys), keys


@pytest.mark.parametrize("name", WHOLE)
def test_null_is_no_member_whatever_lies_in_its_place(name: str) -> None:
    low, _ = WHOLE[name]
    kind = pa.type_for_alias(name)
    under = pa.array([low, 7, 8, 7, 8, 7, 7, 8, 7, 8, 7], kind)
    validity = pa.py_buffer(bytes([0b01010101, 0b101]))
    nulls = pa.Array.from_buffers(kind, len(under), [validity, under.buffers()[1]])
    source = Rows(pa.table({"id": pa.chunked_array([nulls, nulls.slice(3)])}), [11, 8])
    for keys in (pa.array([7], kind), pa.array([7, None], kind)):
        assert bits_of(keys, kind) is not None
        assert chosen(source, keys=keys) == by_value(source, [7])


@pytest.mark.parametrize(
    ("values", "keys"),
    [
        (pa.array([1, -1, 2**63 - 1, None]), pa.array([2**63 - 1, 2**64 - 1, 1], pa.uint64())),
        (pa.array([1, 2**63, 2**64 - 1, None], pa.uint64()), pa.array([-1, 1, -(2**63)])),
        (pa.array([-(2**63), 0, 2**63 - 1, None]), pa.array([-(2**63), 2**63 - 1])),
        (pa.array([0, 2**64 - 1, None, 5], pa.uint64()), pa.array([0, 2**64 - 1], pa.uint64())),
        (
            pa.array([Decimal("1.50"), Decimal("2.00"), None, Decimal(-3)]),
            pa.array([Decimal("1.50"), Decimal("-3.00")]),
        ),
        (pa.array([Decimal(10**30), None, Decimal(1), Decimal(1)]), pa.array([Decimal(10**30)])),
        (pa.array(["", "a", None, "A"]), pa.array(["a", ""])),
        (pa.array(["1", "01", None, " 1"]), pa.array(["1"])),
        (pa.array([1.5, float("nan"), None, -0.0]), pa.array([1.5])),
        (pa.array([1, 2, None, 300], pa.int16()), pa.array([1, 300])),
        (pa.array([1, 2, None, 3]), pa.array([1, 3], pa.int8())),
    ],
    ids=lambda array: f"{array.type}",
)
def test_keys_that_are_hashed_or_of_another_type(values: pa.Array, keys: pa.Array) -> None:
    source = Rows(pa.table({"id": values}), [len(values)])
    assert chosen(source, keys=keys) == by_value(source, keys.to_pylist())


def test_keys_far_apart_are_hashed() -> None:
    """A bit for each number between them would take more memory than the keys and an eighth of the budget."""
    least = budget().total  # as bits: an eighth of the budget in bytes
    assert bits_of(pa.array([0, least]), pa.int64()) is not None
    assert bits_of(pa.array([0, least + 8]), pa.int64()) is None
    assert bits_of(pa.array([-(2**63), 2**63 - 1]), pa.int64()) is None
    assert bits_of(pa.array([0, 1]), pa.uint64()) is None
    assert bits_of(pa.array(["0"]), pa.string()) is None


@pytest.mark.parametrize("kind", [pa.int32(), pa.string()], ids=str)
def test_required_fields_of_members_alone(kind: pa.DataType) -> None:
    ids = pa.array([1, 2, 3, None, 5, 6, 7]).cast(kind)
    texts = ["a", "", None, "b", "c", None, "d"]
    source = Rows(pa.table({"id": ids, "Member": texts, "ordinal": texts}), [4, 3])
    keys = pa.array([1, 2, 3, 7]).cast(kind)
    rows = RowSet(source.pin().slices)
    for index, (kept, _) in enumerate(chosen(source, keys=keys)):
        rows.add_of(index, as_numpy(pa.array(kept, pa.uint32())))
    expected = [([0], [1, 2]), ([2], [])]
    for required in (
        ["member"],
        ["Member", "upper(ordinal)"],
        ["case when member = 'b' then 1 / 0 else 1 end", "member"],
    ):
        assert chosen(source, keys=keys, required=required) == expected
        assert chosen(source, keys=None, rows=rows, required=required) == expected


def test_rows_that_are_known_are_not_read() -> None:
    source = Rows(pa.table({"id": [1, 2, 3, 4, 5]}), [3, 2], missing=1)
    rows = RowSet(source.pin().slices)
    rows.add_of(0, as_numpy(pa.array([0, 2], pa.uint32())))
    assert chosen(source, rows=rows) == [([0, 2], []), ([], [])]
    with pytest.raises(FatalError, match="u has 2 rows, but 3 were pinned"):
        chosen(source, keys=pa.array([1, 5]))
    source = Rows(pa.table({"id": ["1", "2", "3"]}), [3], missing=1)
    with pytest.raises(FatalError, match="u has 2 rows, but 3 were pinned"):
        chosen(source, keys=pa.array(["1"]))


def test_an_unknown_key_is_told() -> None:
    source = Rows(pa.table({"idd": [1]}), [1])
    with pytest.raises(DefinitionError, match="has no column 'id'") as wrong:
        chosen(source, keys=pa.array([1]))
    assert wrong.value.nearest == "idd"


@given(bits=st.lists(st.booleans() | st.none(), max_size=40), start=st.integers(0, 20), size=st.integers(0, 20))
def test_whole_numbers_of_any_part_of_an_array(bits: list[bool | None], start: int, size: int) -> None:
    array = pa.array([None if bit is None else int(bit) for bit in bits], pa.int16()).slice(start, size)
    values, valid = whole_numbers(array)
    known = [True] * len(array) if valid is None else valid.tolist()
    assert [v if k else None for v, k in zip(values.tolist(), known, strict=True)] == array.to_pylist()


@given(sizes=st.lists(st.integers(0, 20), max_size=6), seed=st.randoms())
def test_a_packed_set_of_rows_is_the_same_set(sizes: list[int], seed: Any) -> None:
    slices = tuple(Slice(unit="u", index=i, records=size) for i, size in enumerate(sizes))
    rows = RowSet(slices)
    for index, size in enumerate(sizes):
        rows.add_of(index, as_numpy(pa.array(sorted(seed.sample(range(size), size // 2)), pa.uint32())))
    packed = bytes(rows.packed())
    again = RowSet.of(slices, packed)
    assert again is not None
    assert [again.rows(i).tolist() for i in range(len(sizes))] == [rows.rows(i).tolist() for i in range(len(sizes))]
    assert RowSet.of(slices, packed + b"\0") is None
    records = sum(sizes)
    assert not records or RowSet.of(slices, packed[:-1]) is None
    assert not records % 8 or RowSet.of(slices, packed[:-1] + b"\xff") is None
