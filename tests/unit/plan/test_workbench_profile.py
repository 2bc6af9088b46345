"""The profile `data-workbench`, at its bounds: chunks, threads, retries and paths as `MMPExport.cfg` has them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from airflow.sdk import DAG
from pydantic import ValidationError

from sluice.airflow.dags import export_dags
from sluice.definition.load import load
from sluice.definition.models.chunks import PROFILES, Chunks, clipped, rules_of
from sluice.definition.models.export import DatasetExport
from sluice.delivery.upload.sender import Sender
from sluice.plan.explain import explain
from tests.builders import World

PROFILE = PROFILES["data-workbench"]


def rules(**keys: Any) -> Any:
    return rules_of(Chunks.model_validate(keys), PROFILE)


@pytest.mark.parametrize(
    ("declared", "used", "told"),
    [
        (None, 10_000, False),
        (1, 1_000, True),
        (999, 1_000, True),
        (1_000, 1_000, False),
        (1_001, 1_001, False),
        (49_999, 49_999, False),
        (50_000, 50_000, False),
        (50_001, 50_000, True),
        (10**9, 50_000, True),
    ],
)
def test_records_per_chunk_are_clipped_and_told(declared: int | None, used: int, told: bool) -> None:
    chunks = Chunks(records=declared)
    assert rules_of(chunks, PROFILE).records == used
    assert bool(list(clipped(chunks, PROFILE))) == told
    both = Chunks.model_validate({"records": declared, "bytes": "2 MB"})
    assert rules_of(both, PROFILE).records == used, "a limit of bytes lifts no limit of records"


def test_a_run_has_the_clipped_chunks(tmp_path: Path) -> None:
    world = World(tmp_path)
    source = "{type: parquet, airflow_conn_id: lake, path: people}"
    world.declare(
        {
            "catalog/datasets.yaml": f"people: {{kind: profile, key: id, source: {source}}}",
            "connections/out.yaml": "{type: local, airflow_conn_id: out, profile: data-workbench}",
            "exports/people.yaml": """
                {kind: dataset-export, connection: out, datasets: [people], mode: full, chunks: {records: 100}}
                """,
        }
    )
    world.dataset("people", pa.table({"id": range(2001)}))
    assert world.run("people").files == 3


@pytest.mark.parametrize("threads", [1, 12, 24])
def test_threads(threads: int) -> None:
    assert rules(threads=threads).threads == threads
    assert rules().threads == 12


@pytest.mark.parametrize("threads", [0, 25, -1])
def test_threads_out_of_range_are_refused(threads: int) -> None:
    with pytest.raises(ValidationError):
        Chunks(threads=threads)


@pytest.mark.parametrize(("declared", "pauses"), [(None, [None]), (0, [None]), (3, [2.0, 2.0, 2.0, None])])
def test_retries_are_2_seconds_apart_and_by_default_there_are_none(
    declared: int | None, pauses: list[float | None]
) -> None:
    sender: Any = SimpleNamespace(rules=rules(retries=declared))
    assert list(Sender._pauses(sender)) == pauses


@pytest.mark.parametrize(
    ("folder", "sound"),
    [
        ("test/files", True),
        ("a-b/c_d/2026.11", True),
        ("%EXPORT_NAME%/%DATETIME(YYYY-MM-DD)%", True),
        ("our files", False),
        ("täglich", False),
        ("日次", False),
        ("a\u00a0b", False),
        ("%DATETIME(YYYY MM)%", False),
    ],
)
def test_paths_have_no_space_and_no_multibyte_character(tmp_path: Path, folder: str, sound: bool) -> None:
    world = World(tmp_path)
    export = "{kind: dataset-export, connection: out, datasets: [p], mode: full, folder: %s, log: {folder: %s}}"
    plain = "logs" if "%" in folder else folder
    world.declare(
        {
            "catalog/datasets.yaml": "p: {kind: profile, key: i, source: {type: parquet, airflow_conn_id: l, path: p}}",
            "connections/out.yaml": "{type: s3, airflow_conn_id: out, bucket: b, profile: data-workbench}",
            "exports/by_folder.yaml": export % (f"'{folder}'", "logs"),
            "exports/by_log.yaml": export % ("files", f"'{plain}'"),
        }
    )
    loaded = load(world.include)
    assert ("by_folder" in loaded.project.exports) == sound
    assert ("by_log" in loaded.project.exports) == (sound or plain == "logs")


@pytest.mark.parametrize(
    ("profile", "declared", "limit"),
    [
        (", profile: data-workbench", "30 min", timedelta(minutes=30)),
        (", profile: data-workbench", "0s", None),
        (", profile: data-workbench", None, timedelta(minutes=10)),
        ("", None, None),
    ],
)
def test_a_time_limit_starts_the_attempt_over_and_0_is_none(
    tmp_path: Path, profile: str, declared: str | None, limit: timedelta | None
) -> None:
    """The limit is that of one attempt, and Airflow retries an attempt that was stopped like any other. Without one, it
    is that of the profile."""
    world, more = World(tmp_path), f", time_limit: {declared}" if declared else ""
    world.declare(
        {
            "catalog/datasets.yaml": "p: {kind: profile, key: i, source: {type: parquet, airflow_conn_id: l, path: p}}",
            "connections/out.yaml": f"{{type: local, airflow_conn_id: out{profile}}}",
            "exports/people.yaml": f"{{kind: dataset-export, connection: out, datasets: [p], mode: full{more}}}",
        }
    )
    dag: DAG
    (dag,) = export_dags(world.include, "export__people")
    for name in ("extract", "chunk", "upload", "publish"):
        task: Any = dag.get_task(name)
        assert (task.execution_timeout, task.retries) == (limit, 2)
    export = world.plan("people").export
    assert DatasetExport.model_validate_json(export.model_dump_json()).time_limit == export.time_limit
    shown = explain(world.plan("people"))
    assert ("  time limit  " in shown) == (limit is not None)
