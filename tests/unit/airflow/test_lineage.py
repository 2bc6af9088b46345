"""OpenLineage's own provider emits an event with the datasets of a delivery and the lineage of its columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from sluice.airflow.lineage import collect, is_on
from sluice.definition.models.catalog import Dataset
from sluice.delivery.lineage import Place, places_of
from sluice.delivery.staging import StagedRun
from sluice.model.access import (
    Access,
    AwsAccess,
    AzureAccess,
    FolderAccess,
    FsspecAccess,
    GoogleAccess,
    SftpAccess,
    SqlAccess,
)
from tests.unit.airflow.tasks import FILES, Tasks, world_of


def emitted(tasks: Tasks, root: Path) -> dict[str, Any]:
    """The event that the provider writes when `publish` has succeeded, as its listener does."""
    from airflow.providers.openlineage.extractors.manager import ExtractorManager
    from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
    from airflow.sdk import TaskInstanceState
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport

    tasks.run()
    task: Any = tasks.dag.get_task("publish")
    now = datetime.now(UTC).isoformat()
    run: Any = SimpleNamespace(task_id="publish", task=task)
    metadata = ExtractorManager().extract_metadata(
        SimpleNamespace(run_id="manual__1"), task, TaskInstanceState.SUCCESS, run
    )
    file = root / "events.json"
    client = OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(file), append=True)))
    OpenLineageAdapter(client=client).complete_task(
        run_id="01941f29-7c00-7743-8ddd-5e6c5c8d3f00",
        job_name="export__people.publish",
        end_time=now,
        task=metadata,
        nominal_start_time=now,
        nominal_end_time=now,
        owners=None,
        tags=None,
        job_description=None,
        run_facets={},
    )
    event: dict[str, Any] = json.loads(file.read_text().splitlines()[-1])
    return event


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tasks:
    tasks = Tasks(world_of(tmp_path, monkeypatch, FILES), "people")
    tasks.refresh("adults")
    return tasks


@pytest.mark.slow
def test_an_event_has_the_datasets_and_the_lineage_of_each_column(
    tasks: Tasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", '{"type": "console"}')
    event = emitted(tasks, tmp_path)
    assert event["eventType"] == "COMPLETE"
    (source,) = event["inputs"]
    assert (source["namespace"], source["name"]) == ("file", str(tmp_path / "lake" / "people"))
    assert {field["name"]: field["type"] for field in source["facets"]["schema"]["fields"]}["age"] == "int64"
    (output,) = event["outputs"]
    assert output["namespace"] == "file"
    assert output["name"].startswith(str(tmp_path / "out"))
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 100
    lineage = output["facets"]["columnLineage"]
    made = {
        name: [(one["field"], one["transformations"][0]["subtype"]) for one in field["inputFields"]]
        for name, field in lineage["fields"].items()
    }
    assert made == {
        "id": [("id", "IDENTITY")],
        "full_name": [("name", "TRANSFORMATION")],
        "score": [("age", "TRANSFORMATION"), ("name", "TRANSFORMATION")],
    }
    hashed = lineage["fields"]["full_name"]["inputFields"][0]["transformations"][0]
    assert (hashed["masking"], hashed["description"]) == (True, "SHA-256 of the value")
    assert lineage["fields"]["score"]["inputFields"][0]["transformations"][0]["description"] == "age + length(name)"
    (chosen,) = lineage["dataset"]
    assert (chosen["field"], chosen["transformations"][0]["description"]) == ("id", "segment adults")
    assert {field["name"] for field in output["facets"]["schema"]["fields"]} == {"id", "full_name", "score", "one"}


@pytest.mark.slow
def test_without_a_transport_nothing_is_collected(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_on()
    tasks.run()
    task: Any = tasks.dag.get_task("publish")
    assert task.get_openlineage_facets_on_complete(None) is None


def test_a_lineage_that_cannot_be_determined_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", '{"type": "console"}')
    assert collect(StagedRun(airflow_conn_id="nowhere", folder="staging/runs/a/b")) is None
    assert "is not reported" in caplog.text


POSTGRES = SqlAccess("postgresql://me:secret@db.example:5432/shop", "postgres", connect=lambda: None)


@pytest.mark.parametrize(
    ("access", "source", "expected"),
    [
        (FolderAccess(Path("/lake")), {"path": "a/b"}, [Place("file", "/lake/a/b")]),
        (AwsAccess(lambda: None, "eu"), {"path": "bucket/a/b"}, [Place("s3://bucket", "a/b")]),  # type: ignore[arg-type, return-value]
        (GoogleAccess(), {"path": "bucket/a"}, [Place("gs://bucket", "a")]),
        (AzureAccess("acc"), {"path": "c/a"}, [Place("abfss://c@acc.dfs.core.windows.net", "a")]),
        (SftpAccess("host", 22, "me"), {"path": "a/b"}, [Place("sftp://host:22", "a/b")]),
        (FsspecAccess(lambda: None, "ftp"), {"path": "a"}, [Place("airflow://there", "a")]),
        (POSTGRES, {"type": "sql", "table": "orders"}, [Place("postgres://db.example:5432", "shop.public.orders")]),
        (POSTGRES, {"type": "sql", "table": "x.orders"}, [Place("postgres://db.example:5432", "shop.x.orders")]),
        (
            POSTGRES,
            {"type": "sql", "query": "with w as (select * from a) select * from w join s.b using (id);"},
            [Place("postgres://db.example:5432", "shop.public.a"), Place("postgres://db.example:5432", "shop.s.b")],
        ),
        (
            POSTGRES,
            {"type": "sql", "query": "select $$ from nowhere at all"},
            [Place("postgres://db.example:5432", "shop.public.orders")],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_dataset_has_the_name_that_others_give_it(
    access: Access, source: dict[str, Any], expected: list[Place]
) -> None:
    known = {"name": "orders", "kind": "table", "key": "id", "source": {"airflow_conn_id": "there", **source}}
    known["source"].setdefault("type", "parquet")  # type: ignore[attr-defined]
    dataset = Dataset.model_validate(known)
    found = places_of(dataset, SimpleNamespace(get=lambda _: access))
    assert sorted(found) == sorted(expected)
    assert "secret" not in str(found)


@pytest.mark.slow
def test_columns_of_whole_datasets_are_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", '{"type": "console"}')
    whole = {"exports/people.yaml": "{kind: data-out-export, connection: out, entities: [people], schedule: 'off'}"}
    world = world_of(tmp_path, monkeypatch, FILES | whole)
    world.dataset("people", pa.table({"id": [1], "name": ["x"]}))
    event = emitted(Tasks(world, "people"), tmp_path)
    fields = event["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert [one["field"] for field in fields.values() for one in field["inputFields"]] == list(fields)
