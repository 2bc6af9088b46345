"""`sluice check --connect`, against a server that lets in, and one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sluice.cli import main
from tests.builders import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    (tmp_path / "out").mkdir()
    for conn_id, path in (("out", tmp_path / "out"), ("nowhere", Path("/proc/nowhere"))):
        value = {"conn_type": "fs", "extra": {"path": str(path)}}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(value))
    world.declare({"connections/good.yaml": "{type: local, airflow_conn_id: out, folder: drop}"})
    return world


def test_a_connection_that_delivers(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--include", str(world.include), "--connect"]) == 0
    assert "good: delivers; wrote, read and removed" in capsys.readouterr().out
    assert world.delivered() == [], "the probe is gone again"


def test_a_connection_that_does_not(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.declare({"connections/bad.yaml": "{type: local, airflow_conn_id: nowhere}"})
    assert main(["check", "--include", str(world.include), "--connect", "bad"]) == 1
    said = capsys.readouterr().err
    assert "bad: does not deliver" in said
    assert "next: " in said


def test_a_connection_that_airflow_does_not_have(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.declare({"connections/new.yaml": "{type: s3, airflow_conn_id: not_there, bucket: acme-drop}"})
    assert main(["check", "--include", str(world.include), "--connect", "new"]) == 1
    assert "airflow connections add" in capsys.readouterr().err
