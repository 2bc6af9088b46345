"""Discovers the tables in a folder: Delta and Iceberg tables, and folders of Parquet files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
"""Number of files in a folder whose columns are compared. If they differ, the files are separate tables."""


@dataclass(frozen=True)
class Unreadable:
    """A table that was found but cannot be declared, with the reason."""

    path: str
    error: SluiceError


def tables_in(connections: Connections, conn_id: str, path: str) -> Iterator[Found | Unreadable]:
    """The tables below `path`, sorted by path. Raises `FatalError` if there are none."""
    opened = open_filesystem(connections, conn_id, path, read_only=True)
    names = [""] if opened.exists("") else [file.name for file in opened.list("")]
    kinds = _of_lakehouse(names)
    tables = {**{place: list[str]() for place in kinds}, **_parquet(names)}
    if not tables:
        raise FatalError(
            f"no tables found below {opened.root}",
            next_step="check the path and the Airflow connection; `discover` finds Parquet files and Delta tables",
        )
    outer = {outer for place in tables if place for outer in _around(place)}
    for place, files in sorted(tables.items()):
        # A folder above other tables, or with files of different columns, is no table: each of its files is one.
        if place in kinds:
            yield _found(connections, conn_id, join(path, place), kinds[place])
        elif place in outer or _differ(connections, conn_id, path, files):
            yield from (_found(connections, conn_id, join(path, file), "parquet") for file in files)
        else:
            yield _found(connections, conn_id, join(path, place), "parquet", _partitions(place, files))


def _of_lakehouse(names: Iterable[str]) -> dict[str, str]:
    """The folders of Delta and Iceberg tables, with their types."""
    found = {}
    for name in names:
        if f"/{_DELTA}/" in f"/{name}":
            found[f"/{name}".partition(f"/{_DELTA}/")[0].strip("/")] = "delta"
        elif name.endswith(_ICEBERG) and "/metadata/" in f"/{name}":
            found[f"/{name}".rpartition("/metadata/")[0].strip("/")] = "iceberg"
    return found


def _parquet(names: Sequence[str]) -> dict[str, list[str]]:
    """The Parquet files by folder. Files in partition folders (`key=value`) belong to the folder above those. Files of
    Delta and Iceberg tables are left out."""
    others, found = _of_lakehouse(names), defaultdict[str, list[str]](list)
    for name in names:
        levels = name.split("/")
        hidden = any(level.startswith(("_", ".")) for level in levels)
        if (name.endswith(".parquet") or not name) and not hidden and others.keys().isdisjoint(_around(name)):
            first = next((at for at, level in enumerate(levels[:-1]) if "=" in level), len(levels) - 1)
            found["/".join(levels[:first])].append(name)
    return found


def _around(name: str) -> list[str]:
    """All folders around a name, from the outermost, which is the empty name."""
    levels = name.split("/")
    return ["/".join(levels[:depth]) for depth in range(len(levels))]


def _differ(connections: Connections, conn_id: str, path: str, files: Sequence[str]) -> bool:
    """Whether the first files have different columns, so that each file is a separate table."""
    columns = set()
    for name in files[:_COMPARED] if len(files) > 1 else ():
        with suppress(SluiceError):
            source = _opened(connections, conn_id, join(path, name), "parquet")
            columns.add(tuple(sorted(source.columns().schema.names)))
    return len(columns) > 1


def _partitions(place: str, files: Sequence[str]) -> tuple[str, ...]:
    """The keys of the `key=value` folders above the first file of a table."""
    levels = files[0].removeprefix(place).split("/")[:-1]
    return tuple(level.partition("=")[0] for level in levels if "=" in level)


def _found(
    connections: Connections, conn_id: str, path: str, type_: str, partitions: tuple[str, ...] = ()
) -> Found | Unreadable:
    name = path.strip("/").rpartition("/")[2].removesuffix(".parquet")
    try:
        if type_ == "iceberg":
            raise FatalError(
                "this is an Iceberg table", next_step="declare it through its catalog: `{type: iceberg, table: ...}`"
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
