"""`model.json`: the schema file of a data-out export, in the Common Data Model's folder format."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sluice.model.part import Part

if TYPE_CHECKING:
    import pyarrow as pa


def render(export: str, feeds: Iterable[tuple[str, pa.Schema, Iterable[Part]]]) -> bytes:
    """Every entity with its attributes and its parts, as JSON."""
    entities = [
        {
            "$type": "LocalEntity",
            "name": feed,
            "attributes": [{"name": column.name, "dataType": _data_type(column.type)} for column in schema],
            "partitions": [{"name": part.name.rsplit("/", 1)[-1], "location": part.name} for part in parts],
        }
        for feed, schema, parts in feeds
    ]
    return json.dumps({"name": export, "version": "1.0", "entities": entities}, indent=1).encode() + b"\n"


def _data_type(kind: pa.DataType) -> str:
    """The Common Data Model's name for an Arrow type; types without a name are strings."""
    import pyarrow.types as types

    words = (
        (types.is_boolean, "boolean"),
        (types.is_integer, "int64"),
        (types.is_floating, "double"),
        (types.is_decimal, "decimal"),
        (types.is_date, "date"),
        (types.is_timestamp, "dateTime"),
        (types.is_time, "time"),
    )
    return next((word for is_kind, word in words if is_kind(kind)), "string")
