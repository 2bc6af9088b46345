"""Rows for exams: every type that data comes in, and people."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal

import pyarrow as pa

ZONE = "Europe/Berlin"


def people(rows: int, seed: int = 1) -> pa.Table:
    """`id` is distinct and `mail` is missing or empty now and then."""
    draw = random.Random(seed)
    ids = draw.sample(range(10 * rows), rows)
    cities = ["Köln", "Paris", "東京", "São Paulo", None]
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "name": pa.array([f"name {i}" for i in ids], pa.string()),
            "mail": pa.array([draw.choice([None, "", f"{i}@example.com"]) for i in ids], pa.string()),
            "city": pa.array([draw.choice(cities) for _ in ids], pa.string()),
            "balance": pa.array([draw.uniform(-1e6, 1e6) for _ in ids], pa.float64()),
        }
    )


def every_type(rows: int) -> pa.Table:
    """A column of each type, with a null in every seventh row and the values that are easily lost among the others."""
    utc = datetime.UTC
    times = [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)]
    columns: dict[str, tuple[pa.DataType, list[object]]] = {
        "key": (pa.int64(), []),
        "truth": (pa.bool_(), [True, False]),
        "i32": (pa.int32(), [-(2**31), 2**31 - 1, 0]),
        "i64": (pa.int64(), [-(2**63), 2**63 - 1, 2**53 + 1]),
        "f32": (pa.float32(), [1.5, float("inf"), -0.0]),
        "f64": (pa.float64(), [0.1, 1e308, float("-inf"), 5e-324]),
        "text": (pa.string(), ["", "plain", "Grüße 東京 🎉 e\u0301", "a\tb\r\n\"c\",'d'\\", "x" * 5_000]),
        "bytes": (pa.binary(), [b"", b"\x00\xff\xfe", bytes(range(256))]),
        "price": (pa.decimal128(12, 2), [Decimal("-9999999999.99"), Decimal("0.01")]),
        "wide": (pa.decimal128(38, 10), [Decimal("1234567890123456789012345678.0123456789")]),
        "day": (pa.date32(), [datetime.date(1, 1, 1), datetime.date(1969, 12, 31), datetime.date(9999, 12, 31)]),
        "local": (pa.timestamp("us"), [*times]),
        "zoned": (pa.timestamp("us", "UTC"), [t.replace(tzinfo=utc) for t in times]),
        "place": (
            pa.struct([("street", pa.string()), ("at", pa.struct([("lat", pa.float64())]))]),
            [{"street": "Ü 1", "at": {"lat": 50.9}}, {"street": None, "at": None}],
        ),
        "tags": (pa.list_(pa.string()), [[], ["a", None, "ß"], [""]]),
        "points": (pa.list_(pa.struct([("n", pa.int64())])), [[{"n": 1}, {"n": None}], []]),
    }
    return pa.table({name: _column(name, *spec, rows) for name, spec in columns.items()})


def _column(name: str, type_: pa.DataType, values: list[object], rows: int) -> pa.Array:
    if name == "key":
        return pa.array(range(rows), type_)
    return pa.array([None if row % 7 == 6 else values[row % len(values)] for row in range(rows)], type_)
