"""What `sluice check` says of each case, to the letter.

A case is a folder with the files in which it differs from `_base`, a small sound project, and `error.txt`: what the
command prints, and its exit status. `lake.yaml` is the data of a local lake: files, and in each its columns with their
types. Without it nobody has ever heard of the lake.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sluice.cli import main
from sluice.definition.errors.location import fields
from sluice.definition.models.connection import Connection
from sluice.destinations import DESTINATIONS
from sluice.formats import FORMATS
from sluice.sources import SOURCES

HERE = Path(__file__).parent
CASES = sorted(path.name for path in HERE.iterdir() if path.is_dir() and path.name[0] not in "_.")

OPEN_LISTS = {
    "destinations": set(DESTINATIONS),
    "formats": set(FORMATS),
    "sources": set(SOURCES),
}
"""Lists that grow with every connector: an error page names them in full, a golden case only says which it is."""


def closed(line: str) -> str:
    """The line, without the members of a list that grows."""
    if not line.startswith("  known: "):
        return line
    words = set(line.removeprefix("  known: ").split(", "))
    if words >= set(fields(Connection)) - Connection.inline - {"name"}:
        return "  known: <the keys of a connection>"
    return next((f"  known: <the types of {name}>" for name, types in OPEN_LISTS.items() if words == types), line)


def make_lake(project: Path, files: Mapping[str, Mapping[str, str]]) -> None:
    """Parquet files without a row in the folder `lake`, and the Airflow connection to it."""
    connection = {"conn_id": "lake", "conn_type": "fs", "conn_extra": {"path": "lake"}}
    (project / "airflow_settings.yaml").write_text(yaml.safe_dump({"airflow": {"connections": [connection]}}))
    for name, columns in files.items():
        path = project / "lake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = pa.schema([(column, pa.type_for_alias(kind)) for column, kind in columns.items()])
        pq.write_table(schema.empty_table(), path)


@pytest.mark.parametrize("case", CASES)
def test_check_says(
    case: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    for source in (HERE / "_base", HERE / case):
        if (source / "include").exists():
            shutil.copytree(source / "include", tmp_path / "include", dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sluice.where.CHECKOUT", tmp_path)
    monkeypatch.delenv("SLUICE_HOME", raising=False)
    monkeypatch.delenv("SLUICE_INCLUDE", raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", "")  # the command sets it: afterwards it is as it was before
    monkeypatch.delenv("AIRFLOW_CONN_LAKE")
    if (HERE / case / "lake.yaml").exists():
        make_lake(tmp_path, yaml.safe_load((HERE / case / "lake.yaml").read_text()))

    status = main(["check"])

    printed = capsys.readouterr()
    said = f"{printed.err}{printed.out}exit status {status}".replace(f"{tmp_path}/", "")
    said = "".join(f"{closed(line)}\n" for line in said.splitlines())
    expected = HERE / case / "error.txt"
    if request.config.getoption("--update", default=False):
        expected.write_text(said, encoding="utf-8")
    assert said == expected.read_text(encoding="utf-8")
    assert (status == 0) == case.startswith("good-")


def test_there_are_cases() -> None:
    assert len([case for case in CASES if not case.startswith("good-")]) >= 35
