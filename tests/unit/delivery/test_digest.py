"""The digest of rows in `mode: changes`, implemented again here, value by value, in plain Python."""

from __future__ import annotations

import hashlib
import math
import struct
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.delivery.incremental import digest

INNER = pa.struct([("a", pa.int32()), ("b", pa.string())])
TYPES = {
    "bool": pa.bool_(),
    "small": pa.int8(),
    "number": pa.int64(),
    "unsigned": pa.uint64(),
    "single": pa.float32(),
    "double": pa.float64(),
    "text": pa.string(),
    "bytes": pa.binary(),
    "day": pa.date32(),
    "local": pa.timestamp("us"),
    "zoned": pa.timestamp("ms", "Europe/Paris"),
    "price": pa.decimal128(20, 4),
    "wide": pa.decimal256(50, 10),
    "code": pa.binary(3),
    "inner": INNER,
    "list": pa.list_(pa.string()),
    "nested": pa.list_(pa.list_(INNER)),
    "map": pa.map_(pa.string(), pa.float64()),
    "three": pa.list_(pa.int16(), 3),
    "nothing": pa.null(),
}
SPELLED = {
    "text": "text",
    "bytes": "bytes",
    "local": "timestamp(us, None)",
    "zoned": "timestamp(ms, Europe/Paris)",
    "price": "decimal(128, 20, 4)",
    "inner": "struct('a' int32, 'b' text)",
    "list": "list(text)",
    "map": "map(text, double)",
    "number": "int64",
    "day": "date32[day]",
}
TEXT = st.none() | st.text(max_size=4)
FLOAT = st.none() | st.sampled_from([0.0, -0.0, math.nan, -math.nan, math.inf, 1.5, 1e300]) | st.floats(width=32)
MOMENT = st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
STRUCT = st.none() | st.fixed_dictionaries({"a": st.none() | st.integers(-(2**31), 2**31 - 1), "b": TEXT})
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.none() | st.booleans(),
    "small": st.none() | st.integers(-128, 127),
    "number": st.none() | st.integers(-(2**63), 2**63 - 1),
    "unsigned": st.none() | st.integers(0, 2**64 - 1),
    "single": st.none() | st.sampled_from([0.0, -0.0, math.nan, 1.5]),
    "double": FLOAT,
    "text": TEXT,
    "bytes": st.none() | st.binary(max_size=4),
    "day": st.none() | st.dates(),
    "local": MOMENT,
    "zoned": MOMENT.map(lambda at: at and at.replace(microsecond=0)),
    "price": st.none() | st.decimals(-(10**12), 10**12, places=4),
    "wide": st.none() | st.decimals(-(10**12), 10**12, places=10),
    "code": st.none() | st.binary(min_size=3, max_size=3),
    "inner": STRUCT,
    "list": st.none() | st.lists(TEXT, max_size=3),
    "nested": st.none() | st.lists(st.none() | st.lists(STRUCT, max_size=2), max_size=3),
    "map": st.none() | st.dictionaries(st.text(max_size=3), FLOAT, max_size=2).map(lambda found: list(found.items())),
    "three": st.none() | st.lists(st.none() | st.integers(-9, 9), min_size=3, max_size=3),
    "nothing": st.none(),
}


def form(kind: pa.DataType, value: Any) -> tuple[bytes, bytes]:
    """The head and the rest of one value."""
    head = b"\0" if value is None else b"\1"
    if pa.types.is_null(kind):
        return head, b""
    if pa.types.is_struct(kind):
        parts = [form(field.type, None if value is None else value[field.name]) for field in kind]
        return head + b"".join(one for one, _ in parts), b"".join(one for _, one in parts)
    if pa.types.is_nested(kind):
        item = (
            pa.struct([("key", kind.key_type), ("value", kind.item_type)]) if pa.types.is_map(kind) else kind.value_type
        )
        items = [dict(zip(("key", "value"), one, strict=True)) if pa.types.is_map(kind) else one for one in value or ()]
        return head + struct.pack("<q", len(items)), b"".join(b"".join(form(item, one)) for one in items)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        stored = (value or "").encode() if pa.types.is_string(kind) else value or b""
        return head + struct.pack("<q", len(stored)), stored
    return head + (fixed(kind, value) if value is not None else bytes(max(kind.bit_width // 8, 1))), b""


def fixed(kind: pa.DataType, value: Any) -> bytes:
    size = max(kind.bit_width // 8, 1)
    match value:
        case bytes():
            return value
        case bool():
            return bytes([value])
        case Decimal():
            return int(value.scaleb(kind.scale)).to_bytes(size, "little", signed=True)
        case float():
            return struct.pack({2: "<e", 4: "<f", 8: "<d"}[size], math.nan if math.isnan(value) else value)
        case datetime():
            units = timedelta(milliseconds=1) if kind.unit == "ms" else timedelta(microseconds=1)
            return struct.pack("<q", (value.replace(tzinfo=None) - datetime(1970, 1, 1)) // units)
        case date():
            return struct.pack("<i", (value - date(1970, 1, 1)).days)
    return int(value).to_bytes(size, "little", signed=pa.types.is_signed_integer(kind))


def digests(table: pa.Table) -> list[int]:
    forms = pa.table({"form": pa.chunked_array(list(digest.forms(table)), pa.large_binary())})
    with duckdb.connect() as engine:
        engine.register("rows", forms)
        return [found for (found,) in engine.execute(f"select {digest.SQL} from rows").fetchall()]  # noqa: S608 - our own


def one(kind: pa.DataType, *values: Any) -> list[int]:
    return digests(pa.table({"x": pa.array(values, kind)}))


@pytest.mark.slow
@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_a_digest_is_what_is_written_down(name: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(VALUES[name], max_size=6))
    column = pa.array([None, *values, None], TYPES[name]).slice(1, len(values))
    (found,) = list(digest.forms(pa.table({"x": column}))) or [pa.array([], pa.large_binary())]
    assert [bytes(row)[16:] for row in found.to_pylist()] == [b"".join(form(TYPES[name], value)) for value in values]


@pytest.mark.parametrize("name", SPELLED)
def test_the_name_and_the_type_of_a_column_count(name: str) -> None:
    lead = hashlib.md5(repr([("x", SPELLED[name])]).encode(), usedforsecurity=False).digest()
    (found,) = digest.forms(pa.table({"x": pa.array([None], TYPES[name])}))
    assert found[0].as_py()[:16] == lead
    assert one(TYPES[name], None) != digests(pa.table({"y": pa.array([None], TYPES[name])}))


def test_the_digest_is_the_first_half_of_the_md5() -> None:
    table = pa.table({"id": [1, 2], "name": ["Ada", None]})
    (forms,) = digest.forms(table)
    expected = [int(hashlib.md5(one, usedforsecurity=False).hexdigest()[:16], 16) for one in forms.to_pylist()]
    assert digests(table) == expected


def test_these_numbers_stand_in_the_files_of_those_who_use_it() -> None:
    """If they change, `digest.NAME` has to change, too."""
    table = pa.table(
        {
            name: pa.array([value], TYPES[name])
            for name, value in {"number": 7, "text": "x", "list": ["a", None]}.items()
        }
    )
    assert (digest.NAME, digests(table)) == ("md5 of rows, form 1", [12929385292703704585])


DIFFERENT = {
    "double": (0.0, -0.0, math.nan, None),
    "text": ("", None, "a", "\0"),
    "bytes": (b"", None, b"\0"),
    "list": ([], None, [None], [""], ["a", "b"], ["ab"], ["ab", ""], ["", "ab"]),
    "inner": (None, {"a": None, "b": None}, {"a": 0, "b": None}, {"a": None, "b": ""}),
    "nested": ([[]], [], [None], [[], []], None),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_delivered_otherwise_has_another_digest(name: str) -> None:
    assert len(set(one(TYPES[name], *DIFFERENT[name]))) == len(DIFFERENT[name])


def test_neighbours_do_not_run_into_each_other() -> None:
    table = pa.table({"a": ["x", "", "xy"], "b": ["y", "xy", ""]})
    assert len(set(digests(table))) == 3


@pytest.mark.slow
def test_one_type_in_another_layout_is_the_same() -> None:
    column = pa.array(["a", None, "a"])
    for other in (column.cast(pa.large_string()), column.cast(pa.string_view()), column.dictionary_encode()):
        assert digests(pa.table({"x": other})) == digests(pa.table({"x": column}))
    lists = pa.array([["a"], None, []])
    for kind in (pa.large_list(pa.string()), pa.list_view(pa.string())):
        assert digests(pa.table({"x": pa.array(lists.to_pylist(), kind)})) == digests(pa.table({"x": lists}))


@pytest.mark.slow
def test_a_row_has_its_digest_wherever_its_batch_begins() -> None:
    table = pa.table({name: pa.array([None] * 5, kind) for name, kind in TYPES.items()})
    table = table.set_column(0, "id", pa.array(range(5)))
    whole = digests(table)
    assert [digests(table.slice(number, 1))[0] for number in range(5)] == whole
    assert digests(pa.concat_tables([table.slice(3), table.slice(0, 3)])) == whole[3:] + whole[:3]
