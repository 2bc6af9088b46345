"""A new project holds from the first moment: its declarations are sound, and a first delivery works."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sluice.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_a_new_machine: None) -> Path:
    """A new project, which is the working folder."""
    folder = tmp_path / "new" / "project"
    assert main(["init", str(folder)]) == 0
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.slow
def test_its_declarations_are_sound(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert "1 connection, 1 dataset, 1 segment, 1 refresh, 1 export: 0 errors" in capsys.readouterr().out


@pytest.mark.slow
def test_its_files(project: Path) -> None:
    names = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert {".gitignore", "Dockerfile", "airflow_settings.yaml", "dags/sluice.py", "requirements.txt"} <= names
    assert (project / "requirements.txt").read_text().splitlines()[-1] == "airflow-provider-sluice==0.1.0"
    schemas = json.loads((project / ".vscode" / "settings.json").read_text())["yaml.schemas"]
    assert all((project / schema).is_file() for schema in schemas)
    assert set(schemas) == {name for name in names if name.startswith(".vscode/sluice/")}
    for path in (project / "include").rglob("*.yaml"):
        assert "#" in path.read_text(), "each says what it is"
        yaml.safe_load(path.read_text())


@pytest.mark.slow
def test_from_an_empty_folder_to_a_delivery(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "lake" / "customers").mkdir(parents=True)
    emails = ["ana@example.org", None, "eva@example.org"]
    pq.write_table(pa.table({"customer_id": [1, 2, 3], "email": emails}), project / "lake" / "customers" / "0.parquet")
    assert main(["discover", "lake", "."]) == 0
    assert "# customers is already declared" in capsys.readouterr().out
    assert main(["preview", "reachable_customers"]) == 0
    assert "ana@" not in capsys.readouterr().out
    assert main(["deliver", "reachable_customers"]) == 0
    assert "1 files, 2 records" in capsys.readouterr().out


@pytest.mark.slow
def test_what_is_there_is_never_replaced(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "include" / "project.yaml").write_text("mine")
    (project / "dags" / "sluice.py").unlink()
    assert main(["init", str(project)]) == 1
    assert "include/project.yaml" in capsys.readouterr().err
    assert (project / "include" / "project.yaml").read_text() == "mine"
    assert not (project / "dags" / "sluice.py").exists(), "nothing was written"


@pytest.mark.slow
def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file" / "project")]) == 1
    assert "cannot be written: Not a directory" in capsys.readouterr().err
