"""`sluice duplicate`, `rename` and `remove`, and how the project's `edits` are obeyed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sluice.cli import main
from sluice.definition.load import load
from tests.builders import World

DAILY = 'kind: dataset-export  # ours\nconnection: out\ndatasets: [orders]\nmode: full\nschedule: "off"\n'
FILES = {
    "connections/out.yaml": "type: local\nairflow_conn_id: out\n",
    "catalog/datasets.yaml": "orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: l, path: o}}",
    "exports/daily.yaml": DAILY,
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    staging = {"conn_type": "fs", "extra": {"path": str(tmp_path / "sluice_staging")}}
    monkeypatch.setenv("AIRFLOW_CONN_SLUICE_STAGING", json.dumps(staging))
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


@pytest.mark.parametrize(
    "words", [["duplicate", "daily", "weekly"], ["rename", "daily", "weekly"], ["remove", "daily"]]
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
