"""`mapping.json`: where each delivered column comes from, and what was done to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sluice.definition.models.fields import FieldSpec
from sluice.plan.model import Feed

if TYPE_CHECKING:
    import pyarrow as pa

Json = dict[str, Any]


def render(export: str, feeds: Iterable[tuple[Feed, pa.Schema]]) -> bytes:
    """Each feed with its source and its delivered columns, as JSON. Salts are named by their connection only."""
    document = {"export": export, "feeds": [_feed(feed, schema) for feed, schema in feeds]}
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _feed(feed: Feed, schema: pa.Schema) -> Json:
    source = feed.dataset.source
    segment = {"segment": feed.segment.name} if feed.segment else {}
    return {
        "feed": feed.name,
        "dataset": feed.dataset.name,
        **segment,
        "source": {"type": source.type, "airflow_conn_id": source.airflow_conn_id},
        "columns": list(_columns(feed.fields, schema)),
    }


def _columns(fields: tuple[FieldSpec, ...] | None, schema: pa.Schema) -> Iterator[Json]:
    specs = {spec.output: spec for spec in fields or ()}
    for column in schema:
        spec = specs.get(column.name)
        origin = _origin(spec) if spec else {"field": column.name, "transformation": "none"}
        yield {"column": column.name, "type": str(column.type), **origin}


def _origin(spec: FieldSpec) -> Json:
    """The column, expression or constant that a field comes from, and what is done to it."""
    if spec.field is not None:
        origin: Json = {"field": spec.field}
    elif spec.sql is not None:
        origin = {"sql": spec.sql}
    else:
        origin = {"value": spec.value}
    done = "hash" if spec.hash else "mask" if spec.mask else "none"
    how = spec.hash or spec.mask
    return origin | {"transformation": done} | (how.model_dump(mode="json", by_alias=True) if how else {})
