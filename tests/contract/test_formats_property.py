"""Any table, any split: what a file of any registered format holds, read back, is what the table held."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.errors import FatalError
from sluice.testing.formats import write
from tests.contract.format_variants import VARIANTS, Variant

pytestmark = pytest.mark.slow  # random tables through every format

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KINDS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
    pa.string(): texts,
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(),
    pa.decimal128(12, 3): st.decimals(-(10**8), 10**8, places=3, allow_nan=False, allow_infinity=False),
    pa.binary(): st.binary(max_size=9),
    pa.list_(pa.string()): st.lists(st.none() | texts, max_size=3),
    pa.struct([("n", pa.int32()), ("s", pa.string())]): st.fixed_dictionaries(
        {"n": st.none() | st.integers(-(2**31), 2**31 - 1), "s": st.none() | texts}
    ),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 20))
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=2, max_size=2))
    return pa.table(
        {
            f"c{i}": pa.array(draw(st.lists(st.none() | KINDS[kind], min_size=rows, max_size=rows)), kind)
            for i, kind in enumerate(kinds)
        }
    )


def in_python(value: Any, *, cell: bool) -> Any:
    """What a value is in JSON or in a cell, said in Python's own words."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | dict) and cell:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, decimal.Decimal):
        return str(value) if cell else float(value)
    return json.dumps(value) if cell and isinstance(value, bool) else value


ANY_TABLE = [variant for variant in VARIANTS if variant.type != "audience-manager"]
"""Without the one that needs a column of ids: tests/unit/formats/test_audience_manager.py has its property."""
FIRST = {variant.type: variant for variant in reversed(ANY_TABLE)}
"""One variant of each format for `make test-fast`; a property takes a second of a core."""


@pytest.mark.parametrize(
    "variant",
    [pytest.param(one, id=one.id, marks=() if one in FIRST.values() else pytest.mark.slow) for one in ANY_TABLE],
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(table=tables(), cut=st.integers(0, 20))
def test_any_table_reads_back(variant: Variant, table: pa.Table, cut: int) -> None:
    cut = min(cut, table.num_rows)
    try:
        data = write(variant.declare(), table.slice(0, cut), table.slice(cut))
    except FatalError as error:
        assert not variant.any_text, error  # noqa: PT017
        return
    rows = variant.read(data, table.column_names)
    for name in table.column_names:
        values = [row[name] for row in rows]
        held = table[name].to_pylist()
        if variant.holds == "parquet":
            assert values == held
        elif variant.holds == "json":
            assert values == [in_python(value, cell=False) for value in held]
        else:
            assert_cells(values, held, table.schema.field(name).type, null=None if variant.tells_null else "")


def assert_cells(found: list[Any], held: list[Any], kind: pa.DataType, null: Any) -> None:
    expected = [null if value is None else in_python(value, cell=True) for value in held]
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        number = float if pa.types.is_floating(kind) else int
        found = [value if value == null else number(value) for value in found]
    if pa.types.is_nested(kind):
        found = [value if value == null else json.loads(value) for value in found]
        expected = [null if value is None else value for value in held]
    assert found == expected
