"""Lakehouse tables whose logs are written by hand, as foreign writers write them, and one export of such a table."""

from __future__ import annotations

import base64
import json
import os
import struct
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog, load_catalog

from sluice.model.access import CatalogAccess
from tests.builders import World

LEGACY = {"minReaderVersion": 2, "minWriterVersion": 5}
OLDEST = {"minReaderVersion": 1, "minWriterVersion": 2}
_DELTA = {"type": "delta", "airflow_conn_id": "lake", "path": "data"}
_ICEBERG = {"type": "iceberg", "airflow_conn_id": "catalog", "table": "web.d", "files_conn_id": "lake"}
_PARQUET = {"type": "parquet", "airflow_conn_id": "lake", "path": "data"}
SOURCES = {one["type"]: one for one in (_DELTA, _ICEBERG, _PARQUET)}


def features(*names: str) -> dict[str, Any]:
    """A protocol that lists what a table needs."""
    return {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [*names], "writerFeatures": [*names]}


def world_of(root: Path, type_: str = "delta", mode: str = "full") -> World:
    """An export `e` of the dataset `d`, whose data is a table in the lake."""
    world = World(root)
    for folder in ("lake", "out", "sluice_staging"):
        (root / folder).mkdir()
    source = SOURCES[type_]
    world.declare(
        {
            "catalog/datasets.yaml": json.dumps({"d": {"kind": "event", "key": "id", "source": source}}),
            "connections/out.yaml": "{type: local, airflow_conn_id: out}",
            "exports/e.yaml": f"kind: dataset-export\nconnection: out\nmode: {mode}\ndatasets: [d]\n"
            "format: {type: json, compression: none}\n",
        }
    )
    world.extra["catalog"] = CatalogAccess(properties=properties(world))
    return world


def delivered(world: World, run_id: str = "r1", **run: Any) -> list[dict[str, Any]]:
    """A run of the export, and the rows of its own parts."""
    before = set(world.delivered())
    world.run("e", run_id, **run)
    parts = [name for name in world.delivered() if name not in before and "/part-" in f"/{name}"]
    lines = [line for name in parts for line in (world.root / "out" / name).read_text().splitlines()]
    return [json.loads(line) for line in lines]


@dataclass
class DeltaByHand:
    """A Delta table whose versions are written one by one, action by action."""

    folder: Path
    fields: Sequence[Mapping[str, Any]] = ({"name": "id", "type": "long", "nullable": True, "metadata": {}},)
    protocol: Mapping[str, Any] = field(default_factory=lambda: OLDEST)
    configuration: Mapping[str, str] = field(default_factory=dict)
    partitions: Sequence[str] = ()
    identity: str = field(default_factory=lambda: str(uuid.uuid4()))
    version: int = -1

    def __post_init__(self) -> None:
        (self.folder / "_delta_log").mkdir(parents=True)

    @classmethod
    def of(cls, world: World, **settings: Any) -> DeltaByHand:
        return cls(world.root / "lake" / "data", **settings)

    def log(self, version: int) -> Path:
        return self.folder / "_delta_log" / f"{version:020}.json"

    def meta(self) -> dict[str, Any]:
        return {
            "metaData": {
                "id": self.identity,
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": list(self.fields)}),
                "partitionColumns": list(self.partitions),
                "configuration": dict(self.configuration),
                "createdTime": 1_700_000_000_000,
            }
        }

    def add(self, table: pa.Table, **more: Any) -> dict[str, Any]:
        """A file of these rows, and the action that adds it."""
        name = f"{uuid.uuid4()}.parquet"
        pq.write_table(table, self.folder / name)
        size = (self.folder / name).stat().st_size
        action = {"path": name, "partitionValues": {}, "size": size, "modificationTime": 1, "dataChange": True}
        return {"add": action | more}

    def commit(self, *actions: Mapping[str, Any], at: float | None = None, written: float | None = None) -> None:
        """The next version: at a time that its writer says, if any, in a file written at another."""
        self.version += 1
        first = [{"protocol": dict(self.protocol)}, self.meta()] if self.version == 0 else []
        info = [] if at is None else [{"commitInfo": {"timestamp": int(at * 1000), "operation": "WRITE"}}]
        self.log(self.version).write_text("\n".join(json.dumps(action) for action in [*info, *first, *actions]))
        if written is not None:
            os.utime(self.log(self.version), (written, written))

    def append(self, *ids: int, at: float | None = None, written: float | None = None) -> None:
        self.commit(self.add(pa.table({"id": pa.array(ids, pa.int64())})), at=at, written=written)


def mapped(name: str, type_: str, number: int, physical: str) -> dict[str, Any]:
    """A column of a table that maps its columns: files know it by its number or its physical name."""
    known = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
    return {"name": name, "type": type_, "nullable": True, "metadata": known}


def numbered(table: pa.Table, numbers: Mapping[str, int]) -> pa.Table:
    """The rows, with a number on each column."""
    fields = [f.with_metadata({"PARQUET:field_id": str(numbers[f.name])}) for f in table.schema]
    return table.cast(pa.schema(fields))


def marks(*rows: int) -> dict[str, Any]:
    """A deletion vector, inline in the log: these rows of a file are deleted. Delta writes a magic number and a Roaring
    bitmap, in Z85."""
    bitmap = (
        struct.pack("<II", 12346, 1) + struct.pack("<HHI", 0, len(rows) - 1, 16) + struct.pack(f"<{len(rows)}H", *rows)
    )
    body = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    ours = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
    z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    text = base64.b85encode(body + b"\0" * (-len(body) % 4)).translate(bytes.maketrans(ours, z85)).decode()
    return {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": len(body), "cardinality": len(rows)}


def properties(world: World) -> dict[str, str]:
    lake = world.root / "lake"
    return {"type": "sql", "uri": f"sqlite:///{world.root}/catalog.db", "warehouse": f"file://{lake}"}


def catalog(world: World) -> Catalog:
    found = load_catalog("default", **properties(world))
    found.create_namespace_if_not_exists("web")
    return found


def edit(world: World, change: Any) -> None:
    """Change an Iceberg table's metadata by hand, as writers of a later version leave it."""
    path = Path(catalog(world).load_table("web.d").metadata_location.removeprefix("file://"))
    metadata = json.loads(path.read_text())
    change(metadata)
    path.write_text(json.dumps(metadata))
