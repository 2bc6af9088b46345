"""One column of every Arrow type, and what it is in JSON, in a cell of text and in Parquet (as Python values)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

D = Decimal
INF, NAN = float("inf"), float("nan")
HOSTILE = [
    'quote " comma , tab \t semicolon ; pipe | percent % backslash \\',
    "line\nfeed",
    "carriage\rreturn",
    "both\r\n",
    "null \x00 and \x1f and \x7f",
    "árvíztűrő 😀 \u2028 \ufeff 日本",
    " spaces ",
    "",
    '""',
    "null",
    "NULL",
    "=1+1",
    "'",
    "x" * 40_000,
]


@dataclass(frozen=True)
class Case:
    """`parquet` is what pyarrow reads back; the array's own values unless given."""

    name: str
    array: pa.Array
    json: list[Any]
    cells: list[str | None]
    parquet: list[Any] | None = None

    @property
    def values(self) -> list[Any]:
        """What they are in Python."""
        values: list[Any] = self.array.to_pylist() if self.parquet is None else self.parquet
        return values


def _spelled(name: str, array: pa.Array, texts: list[str | None], parquet: list[Any] | None = None) -> Case:
    """A type that is the same text everywhere."""
    return Case(name, array, texts, texts, parquet)


def _plain(name: str, kind: pa.DataType, values: list[Any], cells: list[str | None]) -> Case:
    return Case(name, pa.array(values, kind), values, cells)


UTC_TEXT = ["1970-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z", None]
INSTANTS = [0, -1, None]
STRINGS = ["é", "", None]
BYTES, BYTES_TEXT = [b"\x00\xff", b"", None], ["AP8=", "", None]
STRUCT = pa.struct([("a", pa.int32()), ("b", pa.string())])
DEEP = pa.struct([("at", pa.timestamp("ms", "UTC")), ("raw", pa.binary()), ("d", pa.decimal128(5, 2))])
NOON = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)

CASES = [
    _plain("int8", pa.int8(), [1, -128, None], ["1", "-128", None]),
    _plain("int64", pa.int64(), [2**63 - 1, -(2**63), None], ["9223372036854775807", "-9223372036854775808", None]),
    _plain("uint64", pa.uint64(), [2**64 - 1, 0, None], ["18446744073709551615", "0", None]),
    _plain("bool", pa.bool_(), [True, False, None], ["true", "false", None]),
    _plain("null", pa.null(), [None, None, None], [None, None, None]),
    _plain("float16", pa.float16(), [1.5, -2.0, None], ["1.5", "-2.0", None]),
    Case("float32", pa.array([1.1, 16777216, None], pa.float32()), [1.1, 16777216.0, None],
         ["1.1", "16777216.0", None]),
    _plain("float64", pa.float64(), [0.1, 5e-324, 1.7976931348623157e308],
           ["0.1", "5e-324", "1.7976931348623157e+308"]),
    Case("not finite", pa.array([NAN, INF, -INF]), [None, None, None], ["NaN", "inf", "-inf"]),
    Case("decimal, few digits", pa.array([D("711.56"), D("-0.10"), None], pa.decimal128(15, 2)),
         [711.56, -0.1, None], ["711.56", "-0.10", None]),
    Case("decimal, one digit more", pa.array([D("12345678901234.56"), D("-0.10"), None], pa.decimal128(16, 2)),
         ["12345678901234.56", "-0.10", None], ["12345678901234.56", "-0.10", None]),
    Case("decimal, whole, one digit more", pa.array([D(10**18), D(-1), None], pa.decimal128(19, 0)),
         ["1000000000000000000", "-1", None], ["1000000000000000000", "-1", None]),
    Case("decimal, whole", pa.array([D(10**17), D(-1), None], pa.decimal128(18, 0)),
         [10**17, -1, None], ["100000000000000000", "-1", None]),
    Case("decimal, many digits", pa.array([D("12345678901234.5678"), D("0.0001"), None], pa.decimal128(38, 4)),
         ["12345678901234.5678", "0.0001", None], ["12345678901234.5678", "0.0001", None]),
    Case("decimal32", pa.array([D("1.25"), D("-1"), None], pa.decimal32(5, 2)), [1.25, -1.0, None],
         ["1.25", "-1.00", None]),
    Case("decimal256", pa.array([D("1.25"), D("-1"), None], pa.decimal256(30, 2)),
         ["1.25", "-1.00", None], ["1.25", "-1.00", None]),
    _plain("string", pa.string(), STRINGS, STRINGS),
    _plain("large_string", pa.large_string(), STRINGS, STRINGS),
    _plain("string_view", pa.string_view(), [*STRINGS, "long enough to leave the view"],
           [*STRINGS, "long enough to leave the view"]),
    Case("dictionary", pa.array(["p", "é", None]).dictionary_encode(), ["p", "é", None], ["p", "é", None]),
    Case("dictionary of timestamps", pa.array(INSTANTS, pa.timestamp("us", "UTC")).dictionary_encode(),
         UTC_TEXT, UTC_TEXT),
    Case("runs", pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["a", None])),
         ["a", "a", None], ["a", "a", None], ["a", "a", None]),
    _spelled("binary", pa.array(BYTES), BYTES_TEXT),
    _spelled("large_binary", pa.array(BYTES, pa.large_binary()), BYTES_TEXT),
    _spelled("binary_view", pa.array(BYTES, pa.binary_view()), BYTES_TEXT),
    _spelled("fixed binary", pa.array([b"\x00\xff", None], pa.binary(2)), ["AP8=", None]),
    _spelled("date32", pa.array([0, -719162, 2932896], pa.date32()), ["1970-01-01", "0001-01-01", "9999-12-31"]),
    _spelled("date64", pa.array([0, 86_400_000, None], pa.date64()), ["1970-01-01", "1970-01-02", None]),
    _spelled("time s", pa.array([0, 86399, None], pa.time32("s")), ["00:00:00", "23:59:59", None]),
    _spelled("time ms", pa.array([0, 86399999, None], pa.time32("ms")), ["00:00:00.000", "23:59:59.999", None]),
    _spelled("time us", pa.array([0, 86399999999, None], pa.time64("us")),
             ["00:00:00.000000", "23:59:59.999999", None]),
    _spelled("time ns", pa.array([0, 1000, None], pa.time64("ns")), ["00:00:00.000000000", "00:00:00.000001000", None]),
    _spelled("timestamp s", pa.array(INSTANTS, pa.timestamp("s")),
             ["1970-01-01T00:00:00", "1969-12-31T23:59:59", None]),
    _spelled("timestamp ms", pa.array(INSTANTS, pa.timestamp("ms")),
             ["1970-01-01T00:00:00.000", "1969-12-31T23:59:59.999", None]),
    _spelled("timestamp ns", pa.array([0, 1000, None], pa.timestamp("ns")),
             ["1970-01-01T00:00:00.000000000", "1970-01-01T00:00:00.000001000", None]),
    _spelled("timestamp UTC", pa.array(INSTANTS, pa.timestamp("us", "UTC")), UTC_TEXT),
    _spelled("timestamp in a zone", pa.array(INSTANTS, pa.timestamp("us", "Europe/Budapest")), UTC_TEXT),
    _spelled("timestamp at an offset", pa.array(INSTANTS, pa.timestamp("us", "+05:30")), UTC_TEXT),
    _spelled("duration", pa.array([90_061_000_001, -1_000_000, None], pa.duration("us")),
             ["P1DT1H1M1.000001S", "-PT1S", None]),
    _spelled("duration s", pa.array([0, 60, None], pa.duration("s")), ["PT0S", "PT1M", None]),
    Case("struct", pa.array([{"a": 1, "b": 'x"'}, {"a": None, "b": None}, None], STRUCT),
         [{"a": 1, "b": 'x"'}, {"a": None, "b": None}, None], ['{"a":1,"b":"x\\""}', '{"a":null,"b":null}', None]),
    Case("list", pa.array([[1, None], [], None], pa.list_(pa.int64())), [[1, None], [], None],
         ["[1,null]", "[]", None]),
    Case("large_list", pa.array([["é"], [], None], pa.large_list(pa.string())), [["é"], [], None],
         ['["é"]', "[]", None]),
    Case("fixed list", pa.array([[1, 2], [3, None], None], pa.list_(pa.int8(), 2)),
         [[1, 2], [3, None], None], ["[1,2]", "[3,null]", None]),
    Case("fixed list of dates", pa.array([[dt.date(2024, 2, 29)], None], pa.list_(pa.date64(), 1)),
         [["2024-02-29"], None], ['["2024-02-29"]', None]),
    Case("list_view", pa.array([[1, None], [], None], pa.list_view(pa.int64())), [[1, None], [], None],
         ["[1,null]", "[]", None]),
    Case("map", pa.array([[("k", 1), ("l", None)], [], None], pa.map_(pa.string(), pa.int64())),
         [{"k": 1, "l": None}, {}, None], ['{"k":1,"l":null}', "{}", None]),
    Case("map of numbers", pa.array([[(7, b"\xff")], [], None], pa.map_(pa.int64(), pa.binary())),
         [{"7": "/w=="}, {}, None], ['{"7":"/w=="}', "{}", None]),
    Case("deep", pa.array([[{"at": NOON, "raw": b"a", "d": D("1.10")}, None], None, []], pa.list_(DEEP)),
         [[{"at": "2024-02-29T12:00:00.000Z", "raw": "YQ==", "d": 1.1}, None], None, []],
         ['[{"at":"2024-02-29T12:00:00.000Z","raw":"YQ==","d":1.1},null]', None, "[]"]),
    Case("nested, not finite", pa.array([[NAN, 1.0], [INF]]), [[None, 1.0], [None]], ["[null,1.0]", "[null]"]),
    _spelled("uuid", pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(range(16)), None], pa.binary(16))),
             ["00010203-0405-0607-0809-0a0b0c0d0e0f", None], [uuid.UUID(bytes=bytes(range(16))), None]),
    Case("bool8", pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8())),
         [True, False, None], ["true", "false", None]),
    _spelled("arrow.json", pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', None])), ['{"a":1}', None]),
]  # fmt: skip

REFUSED = {
    "interval": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
    "wide decimal": pa.array([D(1), None], pa.decimal256(60, 0)),
    "decimal left of the point": pa.array([D(1200), None], pa.decimal128(5, -2)),
    "union": pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]),
                                      pa.array(["a"])]),
    "list of intervals": pa.array([[(1, 2, 3)], None], pa.list_(pa.month_day_nano_interval())),
}  # fmt: skip


def names_of(*tests: Callable[[pa.DataType], bool]) -> frozenset[str]:
    """The names of all cases, refused ones too, whose type passes one of these tests: `pyarrow.types.is_nested`."""
    kinds = {case.name: case.array.type for case in CASES} | {name: array.type for name, array in REFUSED.items()}
    return frozenset(name for name, kind in kinds.items() if any(test(kind) for test in tests))
