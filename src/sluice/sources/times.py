"""Columns of times: timestamps and dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.errors import DefinitionError
from sluice.sources.base import known_columns

if TYPE_CHECKING:
    import pyarrow as pa

UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = 86_400 * 10**9


def times(column: str, schema: pa.Schema, *, dataset: str) -> int:
    """The nanoseconds of one unit of the column: `DAY` for dates. Raises `DefinitionError` if the column is unknown, or
    holds no times."""
    import pyarrow.types as types

    kind = known_columns(schema, [column], dataset=dataset).field(0).type
    if types.is_timestamp(kind):
        return UNITS[kind.unit]
    if types.is_date(kind):
        return DAY
    raise DefinitionError(
        f"dataset {dataset}: {column} is of type {kind}, which holds no times",
        next_step="name a column of timestamps or dates as the dataset's `time`",
    )
