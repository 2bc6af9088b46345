"""Lineage: what a delivery was made from, and each delivered column from which columns.

Datasets are named as OpenLineage's naming conventions say: a namespace such as `s3://bucket` or
`postgres://host:5432`, and a name such as `lake/orders` or `shop.public.orders`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit

from sluice.definition.models.catalog import Dataset
from sluice.definition.models.fields import FieldSpec
from sluice.delivery.publish.delivered import Delivered, Delivery
from sluice.delivery.rows.opened import mapper_of
from sluice.destinations.base import Destination
from sluice.model.access import (
    Access,
    AwsAccess,
    AzureAccess,
    Connections,
    FolderAccess,
    GoogleAccess,
    SftpAccess,
    SqlAccess,
)
from sluice.sql import parser
from sluice.sql.expression import row_expression
from sluice.sql.names import Names
from sluice.sql.tree import NotOneSelectError, parse, parts

if TYPE_CHECKING:
    import pyarrow as pa

How = Literal["identity", "transformation", "hash", "mask"]


class Place(NamedTuple):
    """A dataset's identity for OpenLineage."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Column:
    """A delivered column: the columns of `source` that it is made from, and how."""

    name: str
    type: str
    source: Place
    columns: tuple[str, ...] = ()
    how: How = "identity"
    text: str = ""
    """The SQL expression, if it is one."""


@dataclass(frozen=True)
class Output:
    """One feed at the destination: its folder."""

    place: Place
    columns: tuple[Column, ...]
    records: int
    bytes: int
    files: int
    chosen_by: tuple[tuple[Place, str, str], ...] = ()
    """The columns that decide which rows are delivered: of a dataset, its name, and why."""


@dataclass(frozen=True)
class Lineage:
    """One delivery."""

    inputs: Mapping[Place, Mapping[str, str]] = field(default_factory=dict)
    """The datasets that were read, with the types of their columns as far as they are known."""
    outputs: tuple[Output, ...] = ()


def lineage_of(delivery: Delivery, destination: Destination, connections: Connections) -> Lineage:
    """The lineage of a delivery, from its plan and its extracts. Reads no data."""
    plan = delivery.plan
    inputs: dict[Place, Mapping[str, str]] = {}
    outputs = []
    for one in delivery.feeds:
        for place in places_of(one.feed.dataset, connections):
            inputs[place] = {column.name: str(column.type) for column in one.extract.pinned.schema}
        outputs.append(_output(one, destination, connections))
    others = [*plan.lists.values(), *(feed.through for feed in plan.feeds if feed.through)]
    for dataset in others:
        for place in places_of(dataset, connections):
            inputs.setdefault(place, {})
    return Lineage(inputs, tuple(outputs))


def _output(one: Delivered, destination: Destination, connections: Connections) -> Output:
    feed = one.feed
    (source, *_) = places_of(feed.dataset, connections)
    schema = mapper_of(feed, one.extract).schema
    why = [(source, feed.member, f"segment {feed.segment.name}")] if feed.segment else []
    return Output(
        place=_of_address(destination.locate(feed.folder)),
        columns=tuple(_columns(feed.fields, schema, one.extract.pinned.schema, source)),
        records=one.written,
        bytes=one.bytes,
        files=len(one.parts),
        chosen_by=tuple(why),
    )


def _columns(
    fields: tuple[FieldSpec, ...] | None, schema: pa.Schema, stored: pa.Schema, source: Place
) -> Iterator[Column]:
    specs = {spec.output: spec for spec in fields or ()}
    for column in schema:
        spec = specs.get(column.name) or FieldSpec(field=column.name)
        how: How = "hash" if spec.hash else "mask" if spec.mask else "transformation" if spec.sql else "identity"
        yield Column(column.name, str(column.type), source, tuple(_origins(spec, stored)), how, spec.sql or "")


def _origins(spec: FieldSpec, stored: pa.Schema) -> list[str]:
    """The stored columns that a field is made from; none for a constant."""
    if spec.sql is None:
        return [] if spec.field is None else [spec.field]
    found = row_expression(spec.sql)
    return list(stored.names) if "*" in found.named else found.columns(Names(stored.names))


def places_of(dataset: Dataset, connections: Connections) -> list[Place]:
    """Where a dataset lies: one place, or those of the tables that a query reads."""
    source = dataset.source
    access = connections.get(source.airflow_conn_id)
    table, query = getattr(source, "table", None), getattr(source, "query", None)
    if isinstance(access, SqlAccess) and source.type == "sql":
        tables = [table] if table else list(_tables(query)) if query else []
        return [_of_table(access, name) for name in tables] or [_of_table(access, dataset.name)]
    if table:
        return [Place(f"{source.type}://{source.airflow_conn_id}", table)]
    return [_of_path(access, getattr(source, "path", ""), source.airflow_conn_id)]


def _tables(query: str) -> Iterator[str]:
    """The tables that a query reads; none if it is in a dialect that DuckDB does not parse."""
    try:
        with parser() as engine:
            tree = parse(engine, query.rstrip("; \n\t"))
    except NotOneSelectError:
        return
    found = [part for part in parts(tree) if part.get("type") == "BASE_TABLE"]
    with_names = {cte["key"] for part in parts(tree) for cte in part.get("cte_map", {}).get("map", ())}
    names = [".".join(filter(None, (one["schema_name"], one["table_name"]))) for one in found]
    yield from dict.fromkeys(name for name in names if name not in with_names)


def _of_table(access: SqlAccess, table: str) -> Place:
    """A table's place. The address has the password, so only its host and database are used."""
    address = urlsplit(access.uri)
    kind = "postgres" if address.scheme in ("postgresql", "postgres") else address.scheme
    host = f"{address.hostname or ''}:{address.port}" if address.port else address.hostname or ""
    schema = "public." if kind == "postgres" and "." not in table else ""
    return Place(f"{kind}://{host}", ".".join(filter(None, (address.path.strip("/"), f"{schema}{table}"))))


def _of_path(access: Access, path: str, conn_id: str) -> Place:
    bucket, _, rest = path.strip("/").partition("/")
    match access:
        case FolderAccess():
            return Place("file", str(access.path.absolute() / path))
        case AwsAccess():
            return Place(f"s3://{bucket}", rest or "/")
        case GoogleAccess():
            return Place(f"gs://{bucket}", rest or "/")
        case AzureAccess():
            return Place(f"abfss://{bucket}@{access.account}.dfs.core.windows.net", rest or "/")
        case SftpAccess():
            return Place(f"sftp://{access.host}:{access.port}", path)
        case _:
            return Place(f"airflow://{conn_id}", path or "/")


def _of_address(address: str) -> Place:
    """The place of a destination's folder, from the address that people read."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return Place("file", address.rstrip("/") or "/")
    host, _, path = rest.partition("/")
    return Place(f"{scheme}://{host.rpartition('@')[2] if scheme != 'abfss' else host}", path.strip("/") or "/")
