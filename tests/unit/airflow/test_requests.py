"""What a run asks Airflow's API server. Each request costs more CPU time than to deliver a thousand rows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from sluice.airflow.connections import TaskConnections
from tests.unit.airflow.supervised import Supervised, supervised

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/people.yaml": """
        {kind: dataset-export, connection: out, datasets: [people], mode: full, schedule: "off"}
        """,
}
STAGING, LAKE, OUT = (f"GetConnection {name}" for name in ("sluice_staging", "lake", "out"))
ASKED = {
    "wait_for_refreshes": [STAGING],
    "extract": [STAGING, LAKE, OUT, "SetXCom extract return_value"],
    "chunk": ["GetXCom extract return_value", STAGING, "SetXCom chunk return_value"],
    "upload": [
        "GetXCom chunk return_value",
        STAGING,
        OUT,
        LAKE,
        "SetTaskStateStore progress",
    ],
    "publish": [
        "GetXCom extract return_value",
        STAGING,
        OUT,
        "SetXCom publish return_value",
    ],
    "finish": ["GetTaskStates", "GetXCom publish return_value", STAGING, OUT],
}
"""Of a run that waits for nothing, delivers, and has no alerts."""
FIRST = "GetAssetStateStoreByName watermark"
"""Whether Airflow knows of a delivery that staging has lost."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supervised:
    scene = supervised(tmp_path, FILES, "people")
    scene.world.dataset("people", pa.table({"id": range(100)}))
    monkeypatch.setenv("SLUICE_INCLUDE", str(scene.world.include))
    for conn_id in ("LAKE", "SLUICE_STAGING", "OUT"):
        monkeypatch.delenv(f"AIRFLOW_CONN_{conn_id}", raising=False)
    monkeypatch.setattr(TaskConnections, "KEPT", float("inf"))
    stopped = SimpleNamespace(monotonic=lambda: 0.0)  # a slow machine must not look like a large shard
    for module in ("progress", "receipts"):
        monkeypatch.setattr(f"sluice.delivery.upload.{module}.time", stopped)
    return scene


def test_a_delivery_asks_airflow_only_for_what_it_needs(run: Supervised) -> None:
    first = run.run("manual__1")
    assert set(run.states.values()) == {"success"}
    first["publish"].remove(FIRST)
    assert first == ASKED
    assert [run.run(f"manual__{number}") for number in (2, 3)] == [ASKED] * 2, "however many runs there were"
    assert run.ends["upload"].rendered_map_index == "people: chunk 0"
    assert run.kept["progress"]["records_sent"] == 100
    assert [outlet.name for outlet in run.ends["publish"].task_outlets] == ["export/people"]
    (event,) = run.ends["publish"].outlet_events
    assert event["dest_asset_key"]["name"] == "export/people"
