"""`sluice verify`: whose delivery an address means."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.cli import main
from tests.builders import World

CONNECTION = "{type: local, airflow_conn_id: out, folder: drop}"
FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": CONNECTION,
    "exports/people.yaml": "{kind: dataset-export, connection: out, datasets: [people], mode: full}",
}


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a delivery through `out`, in a folder that two other connections have too."""
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", pa.table({"id": range(100)}))
    world.run("people", "r1")
    world.declare({"connections/a.yaml": CONNECTION, "connections/out-2.yaml": CONNECTION})
    monkeypatch.setattr("sluice.commands.verify.AirflowConnections", lambda: world)
    (found,) = (tmp_path / "out").rglob("manifest-*.json")
    return found


def verify(manifest: Path, *args: str) -> int:
    root = next(folder for folder in manifest.parents if (folder / "include").exists())
    return main(["verify", str(manifest), "--include", str(root / "include"), *args])


@pytest.mark.slow
def test_of_two_connections_with_one_address_the_manifest_names_its_own(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(manifest) == 0
    assert "100 records" in capsys.readouterr().out


@pytest.mark.slow
def test_where_two_may_be_meant_they_are_named_and_one_is_asked_for(
    manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renamed = manifest.with_name(manifest.name.replace("-out-", "-elsewhere-"))
    shutil.move(manifest, renamed)
    assert verify(renamed) == 1
    page = capsys.readouterr().err
    assert page.startswith("3 connections deliver to ")
    assert "known: a, out, out-2\n  next: name the one that delivered it: `--connection NAME`" in page
    verify(renamed, "--connection", "out")  # that it is read is enough: the manifest has another name now
    assert "100 records" in capsys.readouterr().out
    assert verify(renamed, "--connection", "nowhere") == 1
    assert "there is no connection nowhere\n  known: a, out, out-2" in capsys.readouterr().err
