"""Tables among the files of a folder: Delta tables, and Parquet files in folders of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from sluice.discovery.found import Found, dataset_name
from sluice.discovery.guess import SAMPLE, guess_key, guess_kind
from sluice.errors import FatalError, SluiceError
from sluice.filesystem import join, open_filesystem
from sluice.model.access import Connections
from sluice.sources import SOURCES
from sluice.sources.base import Source, SourceConfig

if TYPE_CHECKING:
    import pyarrow as pa

_DELTA, _ICEBERG = "_delta_log", ".metadata.json"
_COMPARED = 8
"""Files of a folder whose columns are compared: different ones are different tables."""


@dataclass(frozen=True)
class Unreadable:
    """A table that was found and cannot be declared, with the reason."""

    path: str
    error: SluiceError


def tables_in(connections: Connections, conn_id: str, path: str) -> Iterator[Found | Unreadable]:
    """The tables below `path`, sorted by their places. Raises `FatalError` if there is none."""
    opened = open_filesystem(connections, conn_id, path, read_only=True)
    names = [""] if opened.exists("") else [file.name for file in opened.list("")]
    places = dict(sorted({**_iceberg(names), **_parquet(names), **_delta(names)}.items()))
    if not places:
        raise FatalError(
            f"there are no tables below {opened.root}",
            next_step="check the path and the Airflow connection; Parquet files and Delta tables are looked for",
        )
    for place, type_ in places.items():
        for one in _split(connections, conn_id, join(path, place), names, place) if type_ == "parquet" else [place]:
            partitions = _partitions(names, one) if type_ == "parquet" else ()
            yield _found(connections, conn_id, join(path, one), type_, partitions)


def _delta(names: Sequence[str]) -> dict[str, str]:
    """Each Delta table's folder."""
    logs = [f"/{name}".partition(f"/{_DELTA}/") for name in names if f"/{_DELTA}/" in f"/{name}"]
    return {folder.strip("/"): "delta" for folder, _, _ in logs}


def _iceberg(names: Sequence[str]) -> dict[str, str]:
    ends = [name for name in names if name.endswith(_ICEBERG) and "/metadata/" in f"/{name}"]
    return {f"/{name}".rpartition("/metadata/")[0].strip("/"): "iceberg" for name in ends}


def _parquet(names: Sequence[str]) -> dict[str, str]:
    """Each folder that holds Parquet files, without the levels that partitions make, and outside other tables."""
    others = [*_delta(names), *_iceberg(names)]
    found = {}
    for name in names:
        levels = name.split("/")
        hidden = any(level.startswith(("_", ".")) for level in levels)
        inside = any(name == other or name.startswith(f"{other}/") or not other for other in others)
        if (name.endswith(".parquet") or not name) and not hidden and not inside:
            first = next((at for at, level in enumerate(levels[:-1]) if "=" in level), len(levels) - 1)
            found["/".join(levels[:first])] = "parquet"
    return found


def _split(connections: Connections, conn_id: str, path: str, names: Sequence[str], place: str) -> list[str]:
    """The folder, or its files if they have different columns: then each is a table of its own."""
    inside = f"{place}/" if place else ""
    direct = [name for name in names if name.startswith(inside) and "/" not in name.removeprefix(inside)]
    files = [name for name in direct if name.endswith(".parquet")]
    if len(files) < 2:
        return [place]
    columns = []
    for name in files[:_COMPARED]:
        with suppress(SluiceError):
            source = _opened(connections, conn_id, join(path.removesuffix(place), name), "parquet")
            columns.append(source.columns().schema.names)
    return files if len(list(groupby(sorted(columns)))) > 1 else [place]


def _found(
    connections: Connections, conn_id: str, path: str, type_: str, partitions: tuple[str, ...]
) -> Found | Unreadable:
    name = path.strip("/").rpartition("/")[2].removesuffix(".parquet")
    try:
        if type_ == "iceberg":
            raise FatalError(
                "an Iceberg table", next_step="declare it through its catalog: `{type: iceberg, table: ...}`"
            )
        source = _opened(connections, conn_id, path, type_)
        schema = source.columns().schema
        key, keyed = guess_key(name, schema, lambda column: _sample(source, column))
    except SluiceError as error:
        return Unreadable(path, error)
    return Found(
        name=dataset_name(name),
        source={"type": type_, "airflow_conn_id": conn_id, "path": path.strip("/")},
        schema=schema,
        kind=guess_kind(name, schema, keyed=keyed),
        key=key,
        partitions=partitions,
    )


def _opened(connections: Connections, conn_id: str, path: str, type_: str) -> Source:
    declared = {"type": type_, "airflow_conn_id": conn_id, "path": path.strip("/")}
    config: SourceConfig = SOURCES[type_].model_validate(declared)
    return config.open(connections, dataset=path)


def _sample(source: Source, column: str) -> pa.ChunkedArray:
    """The column's first values."""
    import pyarrow as pa

    pinned, found, rows = source.pin(), [], 0
    for piece in pinned.slices:
        for table in source.read(pinned, piece, [column]):
            found.append(table)
            rows += table.num_rows
        if rows >= SAMPLE:
            break
    column_type = pinned.schema.field(column).type
    return pa.concat_tables(found).column(0)[:SAMPLE] if found else pa.chunked_array([], column_type)


def _partitions(names: Sequence[str], place: str) -> tuple[str, ...]:
    """The levels named `key=value` above the first file of a table."""
    inside = f"{place}/" if place else ""
    first = next((name for name in names if name.startswith(inside) and name.endswith(".parquet")), inside)
    levels = first.removeprefix(inside).split("/")[:-1]
    return tuple(level.partition("=")[0] for level in levels if "=" in level)
