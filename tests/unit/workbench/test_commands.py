"""`sluice import-workbench` and `sluice export-workbench`, and the delivery of what was imported."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.cli import main
from sluice.definition.load import load
from tests.builders import World
from tests.servers.folders import folder_connection
from tests.unit.workbench.samples import CATALOG, EXPORT, MMP, SECRETS

HITS = pa.table(
    {
        "hit": pa.array([1, 2, 3], pa.int64()),
        "Tracking ID": ["ann", "bob", "ann"],
        "PID": ["p1", "p2", "p3"],
        "SID": ["s1", "s2", "s3"],
        "hits": pa.array([1, 1, 5], pa.int64()),
    }
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    out = "type: local\nairflow_conn_id: out\n"
    world.declare({"catalog/datasets.yaml": CATALOG, "connections/out.yaml": out, "exports/.keep": ""})
    (tmp_path / "User.export").write_text(EXPORT)
    (tmp_path / "MMPExport.cfg").write_text(MMP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    monkeypatch.setenv("AIRFLOW_CONN_SLUICE_STAGING", folder_connection(tmp_path / "sluice_staging"))
    return world


def files(world: World) -> dict[str, str]:
    return {str(path.relative_to(world.include)): path.read_text() for path in world.include.rglob("*.yaml")}


def run(*words: str) -> int:
    return main(["import-workbench", "--export", "User.export", "--mmp", "MMPExport.cfg", *words])


def test_a_dry_run_shows_all_and_writes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(world)

    assert run("--dry-run") == 0

    printed = capsys.readouterr().out
    assert files(world) == before
    assert "+file: MMPTest_%RUN_ID%_%PART%" in printed
    assert "User.export:5  Level: taken: segments: of the dataset page-views" in printed
    assert "sluice airflow connections add data_workbench_s3 --conn-type aws" in printed
    assert not any(secret in printed for secret in SECRETS)


def test_an_import_is_written_and_recorded(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0

    assert "written: include/exports/user.yaml" in capsys.readouterr().out
    assert load(world.include).errors == ()
    assert set(files(world)) == {
        "catalog/datasets.yaml",
        "catalog/segments.yaml",
        "connections/data-workbench.yaml",
        "connections/out.yaml",
        "exports/user.yaml",
    }
    assert main(["audit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["verb"] == "import-workbench"


def test_all_or_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(world)
    Path("Broken.export").write_text(EXPORT.replace("3 items", "4 items"))

    assert run("--export", "Broken.export") == 1

    assert "Broken.export:10:25" in capsys.readouterr().err
    assert files(world) == before


def test_the_first_mistake_of_each_file_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    for name, old, new in (("A", "Page View", "Page Veiw"), ("B", "3 items", "4 items"), ("C", ": 12345", ":")):
        Path(f"{name}.export").write_text(EXPORT.replace(old, new))

    assert run("--export", "A.export", "C.export") == 1
    told = capsys.readouterr().err
    assert "A.export:5:" in told
    assert "C.export:7:" in told
    assert run("--export", "B.export") == 1
    assert "B.export:10:25" in capsys.readouterr().err


def test_exports_may_be_imported_switched_off(world: World) -> None:
    assert run("--switched-off") == 0

    assert not load(world.include).project.exports["user"].enabled


def test_a_declaration_of_the_same_name_is_kept(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.declare({"connections/data-workbench.yaml": "type: s3\nbucket: other\nairflow_conn_id: x\n"})
    before = files(world)

    assert run() == 1

    assert "is not what the import would write" in capsys.readouterr().err
    assert files(world) == before


def test_what_the_project_refuses_is_not_written(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A guardrail of the project holds for imports too."""
    catalog = CATALOG.replace("  metrics", "  columns: {PID: {class: pii}}\n  metrics", 1)
    world.declare({"project.yaml": "data_classes: {pii: {demands: [hash]}}\n", "catalog/datasets.yaml": catalog})
    before = files(world)

    assert run() == 1

    assert "delivered only as a hash" in capsys.readouterr().err
    assert files(world) == before


@pytest.mark.parametrize("file", ["project.yaml", "catalog/segments.yaml"])
def test_a_broken_project_says_so(world: World, capsys: pytest.CaptureFixture[str], file: str) -> None:
    world.declare({file: "nonsense: {}\n"})

    assert run() == 1

    assert capsys.readouterr().err.startswith(f"include/{file}:1:1  ")


def test_another_catalog_is_added_to_a_new_project(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    new = world.root / "new" / "include"
    (new / "exports").mkdir(parents=True)

    assert run("--catalog", str(world.include / "catalog"), "--out", str(new)) == 0

    assert load(new).errors == ()
    assert (new / "catalog" / "datasets.yaml").read_text() == CATALOG
    assert run("--catalog", "nowhere", "--out", str(new)) == 1
    assert "nowhere is not a folder" in capsys.readouterr().err


def test_an_export_is_written_back_without_secrets(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    before = files(world)
    capsys.readouterr()

    assert main(["export-workbench", "user"]) == 0
    assert "Level = string: Page View" in capsys.readouterr().out
    folder = world.root / "back"
    folder.mkdir()
    assert main(["export-workbench", "user", "--out", str(folder)]) == 0
    assert main(["export-workbench", "user", "--out", str(folder)]) == 1

    assert "already there" in capsys.readouterr().err
    written = (folder / "MMPExport.cfg").read_bytes().decode()
    assert "s3 Bucket = string: aws_bucket_for_mmp\r\n" in written
    assert not any(secret in written for secret in SECRETS)
    again = ["--export", str(folder / "User.export"), "--mmp", str(folder / "MMPExport.cfg")]
    assert main(["import-workbench", *again]) == 0
    assert files(world) == before


def test_the_limit_that_is_written_back_is_that_of_the_profile(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    path = world.include / "exports" / "user.yaml"
    for declared, limit in (("", "600"), ("time_limit: 0s\n", "0"), ("time_limit: 90s\n", "90")):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith("time_limit")) + declared)
        capsys.readouterr()
        assert main(["export-workbench", "user"]) == 0
        assert f"Time Limit (sec) = double: {limit}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("- PID", "- {as: PID, sql: upper(PID)}"), "is an expression or a constant"),
        (("- PID", "- {field: PID, hash: sha256}"), "is hashed or masked"),
        (("[all-page-views]", "[all-page-views, more]"), "several segments"),
        (("format: {type: template, template: '%1%\\t%2%\\t%3%\\r\\n'}", "format: {type: json}"), "its format is json"),
    ],
)
def test_what_the_files_cannot_say_is_refused(
    world: World, capsys: pytest.CaptureFixture[str], change: tuple[str, str], said: str
) -> None:
    assert run() == 0
    path = world.include / "exports" / "user.yaml"
    text = path.read_text().replace("_%RUN_ID%", "_%RUN_ID%_%SEGMENT_NAME%")
    text = text.replace("[Tracking ID, PID, SID]", "\n  - Tracking ID\n  - PID\n  - SID")
    assert change[0] in text
    path.write_text(text.replace(*change))
    segments = world.include / "catalog" / "segments.yaml"
    segments.write_text(segments.read_text() + "more: {dataset: page-views, where: hit > 1}\n")

    assert main(["export-workbench", "user"]) == 1

    assert said in capsys.readouterr().err


def test_what_was_imported_delivers_one_row_per_element_of_the_level(world: World) -> None:
    """Page views, not visitors: Ann has two of them. A metric is a value of its row."""
    text = EXPORT.replace("Field Name = string: SID", "Field Name = string: =Page_Views")
    text = text.replace("Filter = string:", 'Filter = string: not PID = \\"p2\\"')
    Path("User.export").write_text(text)
    assert main(["import-workbench", "--export", "User.export"]) == 0
    assert main(["attach", "user", "out"]) == 0
    world.dataset("page-views", HITS)
    world.refresh("user")

    report = world.run("user")

    assert report.records == 2
    (part,) = [name for name in world.delivered() if name.endswith(".txt")]
    assert part.startswith("MMPTest_")
    assert (world.root / "out" / part).read_bytes() == b"ann\tp1\t1\r\nann\tp3\t5\r\n"


def test_an_export_to_target_cannot_be_written_back(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    block = EXPORT[EXPORT.index("MMP Configuration") : EXPORT.index("Oneshot")]
    text = EXPORT.replace(block, "TnT Configuration = TnT:\nClientName = string: acme\n")
    Path("User.export").write_text(text.replace("ExportIntegration", "TargetBulkUpload"))
    assert main(["import-workbench", "--export", "User.export"]) == 0

    assert main(["export-workbench", "user"]) == 1

    assert "its format is adobe-target" in capsys.readouterr().err
