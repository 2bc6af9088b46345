"""`sluice duplicate`, `rename`, `remove`, `detach` and `attach`, and how the project's `edits` are obeyed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sluice.cli import main
from sluice.definition.edit.write import Draft, check
from sluice.definition.load import load
from sluice.errors import DefinitionError
from tests.builders import World
from tests.servers.folders import folder_connection

DAILY = 'kind: dataset-export  # ours\nconnection: out\ndatasets: [orders]\nmode: full\nschedule: "off"\n'
FILES = {
    "connections/out.yaml": "type: local\nairflow_conn_id: out\n",
    "connections/also.yaml": "type: local\nairflow_conn_id: out\n",
    "catalog/datasets.yaml": "orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: l, path: o}}",
    "exports/daily.yaml": DAILY,
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    monkeypatch.setenv("AIRFLOW_CONN_SLUICE_STAGING", folder_connection(tmp_path / "sluice_staging"))
    return world


def exports(world: World) -> dict[str, str]:
    return {path.stem: path.read_text() for path in (world.include / "exports").iterdir()}


def test_a_copy_is_switched_off_and_keeps_its_comments(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["duplicate", "daily", "weekly"]) == 0
    printed = capsys.readouterr().out
    assert "+enabled: false" in printed
    assert "next" not in printed
    assert "`sluice schedule weekly --on`" in printed
    assert exports(world) == {"daily": DAILY, "weekly": f"{DAILY}enabled: false\n"}
    assert load(world.include).project.exports["weekly"].enabled is False


def test_an_export_is_renamed_and_removed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rename", "daily", "nightly"]) == 0
    assert "the next incremental run delivers everything" in capsys.readouterr().out
    assert exports(world) == {"nightly": DAILY}
    assert main(["remove", "nightly"]) == 0
    assert "its deliveries stay" in capsys.readouterr().out
    assert exports(world) == {}
    assert main(["audit"]) == 0
    assert [row.split("  ")[2].strip() for row in capsys.readouterr().out.splitlines()[1:]] == [
        "remove-export",
        "rename-export",
    ]


def test_an_export_is_detached_and_attached_again(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    path = world.include / "exports" / "daily.yaml"
    path.write_text(DAILY.replace("connection: out", "connection: out  # ask Bob first"))
    assert main(["detach", "daily"]) == 0
    printed, said = capsys.readouterr()
    assert "daily: detached; no run starts until `sluice attach EXPORT CONNECTION`" in printed
    assert "daily.yaml:1:1  export daily has no connection: it does not run" in said
    assert exports(world) == {"daily": DAILY.replace("connection: out", "# ask Bob first")}
    assert main(["detach", "daily"]) == 0
    assert capsys.readouterr().out == "without a connection already: daily\n"
    assert main(["attach", "daily", "also"]) == 0
    assert "daily has the connection also" in capsys.readouterr().out
    assert load(world.include).project.exports["daily"].connection == "also"
    path.write_text(path.read_text().replace("connection: also", 'connection: "also"'))
    assert main(["attach", "daily", "also"]) == 0
    assert capsys.readouterr().out == "daily has the connection also already\n"
    assert main(["audit"]) == 0
    verbs = [row.split("  ")[2].strip() for row in capsys.readouterr().out.splitlines()[1:]]
    assert verbs == ["edit-export", "detach-export"]


def test_a_default_connection_is_overridden(world: World) -> None:
    world.declare({"project.yaml": "defaults: {connection: also}"})
    assert main(["detach", "daily"]) == 0
    assert exports(world) == {"daily": DAILY.replace("connection: out", 'connection: ""')}
    assert set(load(world.include).project.detached) == {"daily"}
    assert main(["attach", "daily", "also"]) == 0
    assert exports(world) == {"daily": DAILY.replace("connection: out", "connection: also")}


@pytest.mark.parametrize(
    "words", [["plan"], ["path"], ["run"], ["run", "--wait"], ["preview"], ["deliver"], ["backfill"]]
)
def test_what_needs_a_connection_ends_with_a_page(
    words: list[str], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detach", "daily"]) == 0
    capsys.readouterr()
    command, *more = words
    more += ["--from", "2026-01-01", "--to", "2026-01-02"] if command == "backfill" else []
    assert main([command, "daily", *more]) == 1
    said = capsys.readouterr().err
    assert "exports/daily.yaml:1:1  export daily has no connection: it does not run" in said
    assert "  known: also, out\n  next: add `connection: NAME`, or run `sluice attach daily NAME`\n" in said


def test_a_run_of_all_exports_leaves_it_out(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (world.include / "exports" / "daily.yaml").write_text(DAILY.replace('schedule: "off"\n', ""))
    assert main(["detach", "daily"]) == 0
    capsys.readouterr()
    assert main(["run", "--all"]) == 1
    printed, said = capsys.readouterr()
    assert printed == "left out, no connection: daily\n"
    assert "no export has an active schedule" in said


def test_the_schedule_of_a_detached_export_can_be_changed(world: World) -> None:
    assert main(["detach", "daily"]) == 0
    assert main(["schedule", "daily", "--with-refresh"]) == 0
    assert load(world.include).project.detached["daily"].schedule == "with-refresh"


def test_the_dataset_of_a_detached_export_is_in_use(world: World) -> None:
    assert main(["detach", "daily"]) == 0
    path = world.include / "catalog" / "datasets.yaml"
    with pytest.raises(DefinitionError, match="the export daily delivers it"):
        check(world.include, [Draft(path, path.read_bytes(), path.read_bytes().replace(b"orders:", b"others:"))])


@pytest.mark.parametrize(
    "words",
    [
        ["duplicate", "daily", "weekly"],
        ["rename", "daily", "weekly"],
        ["remove", "daily"],
        ["detach", "daily"],
        ["attach", "daily", "also"],
    ],
)
def test_a_dry_run_prints_the_change_and_writes_nothing(
    world: World, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--dry-run"]) == 0
    assert "@@" in capsys.readouterr().out
    assert exports(world) == {"daily": DAILY}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["duplicate", "dayly", "x"], "did you mean: daily"),
        (["duplicate", "daily", "daily"], "another export is already named"),
        (["duplicate", "daily", "Bad Name"], "name"),
        (["rename", "daily", "../daily"], "name"),
        (["remove", "nightly"], "no export is named"),
        (["detach", "dayly"], "did you mean: daily"),
        (["detach", "daily", "nightly"], "no export is named"),
        (["attach", "dayly", "out"], "did you mean: daily"),
        (["attach", "daily", "uot"], "did you mean: out"),
        (["attach", "daily", ""], "no connection is named"),
    ],
)
def test_what_is_refused_is_a_page_and_writes_nothing(
    world: World, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    said = capsys.readouterr().err
    assert says in said
    assert "next:" in said
    assert exports(world) == {"daily": DAILY}


def test_a_git_project_gets_a_commit(world: World) -> None:
    (world.include / "project.yaml").write_text("edits: git\n")
    git = ["git", "-C", str(world.include), "-c", "user.name=Setup", "-c", "user.email=s@example.com"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Start"]):
        subprocess.run([*git, *words], check=True)
    assert main(["rename", "daily", "nightly"]) == 0
    log = subprocess.run(
        [*git, "log", "-1", "--format=%s", "--name-status"], capture_output=True, text=True, check=True
    )
    assert log.stdout.split() == [
        "daily",
        "is",
        "named",
        "nightly",
        "R100",
        "exports/daily.yaml",
        "exports/nightly.yaml",
    ]


def test_a_read_only_project_gets_a_patch(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (world.include / "project.yaml").write_text("edits: read-only\n")
    assert main(["remove", "daily"]) == 1
    printed, said = capsys.readouterr()
    assert "--- a/exports/daily.yaml" in printed
    assert "apply the patch" in said
    assert exports(world) == {"daily": DAILY}
