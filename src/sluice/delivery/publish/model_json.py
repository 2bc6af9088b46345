"""`model.json`: the schema file of a data-out export, as the Common Data Model's folder format has it.

https://learn.microsoft.com/common-data-model/model-json says what it holds, and its JSON Schema how.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from sluice.definition.models.catalog import Dataset
from sluice.definition.models.export import ExportBase
from sluice.formats.base import Format
from sluice.formats.csv import Csv
from sluice.model.part import Part

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST = 4000
"""The most characters of a description."""
Entity = tuple[Dataset, "pa.Schema", Iterable[Part]]
Json = dict[str, Any]


def render(
    export: ExportBase, form: Format, entities: Iterable[Entity], locate: Callable[[str], str], at: datetime
) -> bytes:
    """Every entity with its attributes and its parts, as JSON. `locate` gives the full address of a part."""
    model: Json = {
        "application": "Sluice",
        "name": export.name,
        **_described(export.description or export.title),
        "version": "1.0",
        "culture": "en-US",
        "modifiedTime": at.isoformat(timespec="seconds"),
        "entities": [_entity(form, *entity, locate, at) for entity in entities],
    }
    return json.dumps(model, indent=1, ensure_ascii=False).encode() + b"\n"


def _entity(
    form: Format, dataset: Dataset, schema: pa.Schema, parts: Iterable[Part], locate: Callable[[str], str], at: datetime
) -> Json:
    return {
        "$type": "LocalEntity",
        "name": dataset.name,
        **_described(dataset.description),
        "annotations": [
            {"name": "sluice:kind", "value": dataset.kind},
            {"name": "sluice:key", "value": dataset.key},
            {"name": "sluice:format", "value": form.extension.lstrip(".")},
        ],
        "attributes": [_attribute(dataset, column) for column in schema],
        "partitions": list(_partitions(form, parts, locate, at)),
    }


def _partitions(form: Format, parts: Iterable[Part], locate: Callable[[str], str], at: datetime) -> Iterator[Json]:
    for part in parts:
        settings = {"fileFormatSettings": _csv(form)} if isinstance(form, Csv) else {}
        yield {
            "name": part.name.rsplit("/", 1)[-1],
            "refreshTime": at.isoformat(timespec="seconds"),
            "location": _uri(locate(part.name)),
            **settings,
        }


def _csv(form: Csv) -> Json:
    return {
        "$type": "CsvFormatSettings",
        "columnHeaders": form.header,
        "delimiter": form.delimiter,
        "quoteStyle": "QuoteStyle.None" if form.quoting == "none" else "QuoteStyle.Csv",
        "csvStyle": "CsvStyle.QuoteAlways" if form.quoting == "all" else "CsvStyle.QuoteAfterDelimiter",
    }


def _uri(address: str) -> str:
    """The address as a URI: that of a local destination is a path."""
    return address if "://" in address else PurePath(address).as_uri()


def _attribute(dataset: Dataset, column: pa.Field) -> Json:
    known = dataset.columns.get(column.name)
    return {"name": column.name, "dataType": data_type(column.type), **_described(known.description if known else "")}


def _described(text: str) -> Json:
    return {"description": text[:LONGEST]} if text else {}


def data_type(kind: pa.DataType) -> str:
    """The Common Data Model's name for an Arrow type; types without a name are strings."""
    import pyarrow.types as types

    if types.is_timestamp(kind):
        return "dateTimeOffset" if kind.tz else "dateTime"
    words = (
        (types.is_boolean, "boolean"),
        (types.is_uint64, "decimal"),  # it has numbers that int64 has not
        (types.is_integer, "int64"),
        (types.is_floating, "double"),
        (types.is_decimal, "decimal"),
        (types.is_date, "date"),
        (types.is_time, "time"),
        (types.is_nested, "json"),
    )
    return next((word for is_kind, word in words if is_kind(kind)), "string")
