"""The project of `make cluster`: one export of TPC-H's line items from a lake on S3 to S3, with staging on S3."""

from __future__ import annotations

import json
from typing import Any

import yaml

from local.keys import write_private
from local.layout import Layout

TABLE = "lineitem"
DAG_ID = "export__lines"
_SHARDS, _SHARDS_EACH = 8, 4
"""Shards at least, and per worker: when one is killed, the others have something to do until its shard is lost."""
_CHUNKS = 25
"""Chunks of a shard, unless they would be larger than by default."""
_LINE = 60
"""Bytes of a line item as Parquet stores it, before compression: a little less than that, so all shards are used."""


def write_project(layout: Layout, staging: str, store: str, rows: int) -> None:
    """Write the declarations and the settings. `staging` and `store` are Airflow connections as JSON."""
    shards = min(512, max(_SHARDS, _SHARDS_EACH * layout.workers))
    chunks = {
        "records": max(10, min(250_000, rows // (shards * _CHUNKS))),
        "shards": shards,
        "shard_bytes": max(1000, rows * _LINE // (2 * shards)),
        "threads": 4,
    }
    declared: dict[str, Any] = {
        "project": {
            "organization": "tpch",
            "sandbox": "cluster",
            "staging": {"airflow_conn_id": "staging", "path": "inbound/staging"},
        },
        "catalog/datasets": {
            TABLE: {
                "kind": "event",
                "key": "l_orderkey",
                "source": {"type": "parquet", "airflow_conn_id": "store", "path": f"lake/{TABLE}"},
            }
        },
        "connections/store": {"type": "s3", "airflow_conn_id": "store", "bucket": "inbound", "folder": "out"},
        "exports/lines": {
            "kind": "dataset-export",
            "title": "Line items",
            "connection": "store",
            "datasets": [TABLE],
            "format": {"type": "parquet"},
            "chunks": chunks,
            "schedule": "off",
            "retries": 5,
            "retry_delay": "1s",
        },
    }
    for name, declaration in declared.items():
        file = layout.include / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(declaration, sort_keys=False))
    connections = [_connection("staging", staging), _connection("store", store)]
    write_private(layout.settings, yaml.safe_dump({"airflow": {"connections": connections}}))


def _connection(conn_id: str, text: str) -> dict[str, Any]:
    """An entry of `airflow_settings.yaml`."""
    given: dict[str, Any] = json.loads(text)
    return {
        "conn_id": conn_id,
        "conn_type": given["conn_type"],
        "conn_login": given["login"],
        "conn_password": given["password"],
        "conn_extra": given["extra"],
    }
