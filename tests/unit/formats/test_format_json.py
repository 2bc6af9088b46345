"""What NDJSON promises beyond the exam, and the decimals that it turns into numbers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sluice.errors import DefinitionError, FatalError
from sluice.formats.json import Json


def written(table: pa.Table, **options: Any) -> bytes:
    encoder = Json(type="json", **{"compression": "none"} | options).encoder(table.schema)
    return b"".join([*encoder.encode(table), *encoder.close()])


def test_one_object_a_line_with_nulls_kept() -> None:
    table = pa.table({"a": [1, None], "b": ["é\n", None]})
    assert written(table) == '{"a":1,"b":"é\\n"}\n{"a":null,"b":null}\n'.encode()


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1.0, float("nan")]),
        pa.array([1.0, float("-inf")], pa.float32()),
        pa.array([1.0, float("inf")], pa.float16()),
        pa.array([[{"f": float("nan")}]]),
        pa.array([1.0, float("nan")]).dictionary_encode(),
    ],
)
def test_not_finite_fails_where_that_is_declared(values: pa.Array) -> None:
    table = pa.table({"score": values})
    assert b"null" in written(table)
    with pytest.raises(FatalError, match="`score`: it contains NaN or infinity"):
        written(table, non_finite="fail")
    assert b"1.0" in written(pa.table({"score": [1.0, None]}), non_finite="fail")


@pytest.mark.slow
@given(st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=1, max_size=50), st.integers(0, 15))
def test_a_decimal_written_as_a_number_is_the_nearest_double(digits: list[int], scale: int) -> None:
    held = [Decimal(number).scaleb(-scale) for number in digits]
    lines = written(pa.table({"d": pa.array(held, pa.decimal128(15, scale))})).splitlines()
    found = [json.loads(line, parse_float=Decimal)["d"] for line in lines]
    assert [float(number) for number in found] == [float(number) for number in held]
    assert [round(Decimal(number), scale) for number in found] == held


@pytest.mark.parametrize("key", [pa.float64(), pa.decimal128(5, 2), pa.list_(pa.int8())])
def test_keys_that_are_no_text(key: pa.DataType) -> None:
    with pytest.raises(DefinitionError, match="its keys are of type"):
        Json(type="json").check(pa.schema([("m", pa.map_(key, pa.int64()))]))


def test_two_fields_of_one_name_in_a_struct() -> None:
    twice = pa.struct([pa.field("a", pa.int8()), pa.field("a", pa.int8())])
    with pytest.raises(DefinitionError, match="two of its fields have the same name"):
        Json(type="json").check(pa.schema([("s", twice)]))


def test_extension_and_levels() -> None:
    assert Json(type="json").extension == ".json.gz"
    assert Json(type="json", compression="none").extension == ".json"
    with pytest.raises(ValidationError):
        Json(type="json", compression_level=4)


def test_higher_levels_make_smaller_files() -> None:
    table = pa.table({"a": [f"value {i * 7919 % 10007}" for i in range(40_000)]})
    sizes = [len(written(table, compression="gzip", compression_level=level)) for level in (0, 1, 3)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3
