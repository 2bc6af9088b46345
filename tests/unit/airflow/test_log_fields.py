"""Every log line of a step says which export, run, shard and chunk it is about, as fields and as text."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.log_fields import log_fields, with_fields

SCRIPT = """
import io, sys
from pathlib import Path

import pytest
from airflow.sdk.log import configure_logging

from sluice.destinations.local import LocalFolder
from sluice.errors import RetriableError
from tests.unit.airflow.tasks import FILES, Tasks, world_of

root = Path(sys.argv[1])
put, seen = LocalFolder.put, set()

def busy(at, name, body):
    if "part-00001" in name and name not in seen:
        seen.add(name)
        raise RetriableError("the server is busy")
    return put(at, name, body)

with pytest.MonkeyPatch.context() as patch:
    patch.setattr(LocalFolder, "put", busy)
    tasks = Tasks(world_of(root, patch, FILES), "people")
    tasks.refresh("adults")
    for kind in ("json", "text"):
        written = io.BytesIO()
        configure_logging(json_output=kind == "json", output=written, colored_console_log=False)
        tasks.run_id, tasks.stores = kind, {}
        tasks.run()
        (root / kind).write_bytes(written.getvalue())
"""


@pytest.mark.slow
def test_each_line_has_its_fields_as_json_and_as_text(tmp_path: Path) -> None:
    """With Airflow's own configuration of logging, which is the process's."""
    subprocess.run([sys.executable, "-c", SCRIPT, tmp_path], capture_output=True, check=True)
    found = [json.loads(line) for line in (tmp_path / "json").read_text().splitlines() if "people" in line]
    assert len(found) > 6
    assert {(line.get("export"), line.get("run")) for line in found} == {("people", "json")}
    (again,) = [line for line in found if "is sent again" in line["event"]]
    assert "the server is busy" in again["event"]
    assert (again["feed"], again["chunk"]) == ("adults", 1)
    assert again["shard"] in range(4)
    progress = [line for line in found if line["event"].startswith("progress")]
    assert {line["shard"] for line in progress} == set(range(len(progress)))
    (text,) = [line for line in (tmp_path / "text").read_text().splitlines() if "is sent again" in line]
    assert "export=people" in text
    assert "chunk=1" in text


def test_without_airflow_fields_are_named_in_vain() -> None:
    with log_fields(chunk=1):
        assert with_fields(lambda left, right: left + right)(1, 2) == 3
