"""Exports without a connection are rows too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluice.definition.load import load
from sluice.overview.row import InAirflow, rows
from tests.builders import World

FILES = {
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "catalog/datasets.yaml": "orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: l, path: o}}",
    "exports/attached.yaml": "{kind: dataset-export, connection: out, datasets: [orders], mode: full}",
    "exports/detached.yaml": "{kind: dataset-export, datasets: [orders], mode: full}",
}


@pytest.mark.parametrize(("state", "status"), [("", "detached"), ("running", "processing")])
def test_a_detached_export_is_a_row_without_a_connection(state: str, status: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare(FILES)
    airflow = {"detached": InAirflow(run="run_1", state=state)}  # type: ignore[arg-type]
    found = {row.name: row for row in rows(load(world.include), {}, {}, airflow, datetime.now(UTC))}
    row = found["detached"]
    assert (row.status, row.connection, row.connection_type, row.scheduled) == (status, "", "", "off")
    assert (found["attached"].status, found["attached"].connection, found["attached"].scheduled) == (
        "not started",
        "out",
        "on",
    )
