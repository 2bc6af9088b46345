"""`sluice verify` of a delivery that links lead to, or away from."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from sluice.cli import main
from tests.builders import World


@pytest.fixture
def delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The manifest of a delivery."""
    world = World(tmp_path)
    world.declare(
        {
            "catalog/datasets.yaml": """
                people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
                """,
            "connections/out.yaml": "{type: local, airflow_conn_id: out, folder: drop}",
            "exports/all.yaml": "{kind: data-out-export, connection: out, entities: [people]}",
        }
    )
    world.dataset("people", pa.table({"id": [1]}))
    world.run("all")
    monkeypatch.setenv("SLUICE_INCLUDE", str(world.include))
    monkeypatch.setenv("AIRFLOW_CONN_OUT", f'{{"conn_type": "fs", "extra": {{"path": "{tmp_path}/out"}}}}')
    return next((tmp_path / "out").rglob("manifest-*.json"))


@pytest.mark.slow
def test_an_address_through_a_link_is_the_delivery_itself(
    delivered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latest").symlink_to(delivered.parent)
    assert main(["verify", str(tmp_path / "latest" / delivered.name)]) == 0
    assert "0 differences" in capsys.readouterr().out


@pytest.mark.slow
def test_the_folder_of_deliveries_may_be_reached_by_a_link(
    delivered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").rename(tmp_path / "real")
    (tmp_path / "out").symlink_to("real")
    assert main(["verify", str(delivered)]) == 0
    assert "0 differences" in capsys.readouterr().out


@pytest.mark.slow
def test_a_part_that_leads_out_is_a_difference_and_is_not_read(
    delivered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = next(path for path in (tmp_path / "out").rglob("*.gz*"))
    part.rename(tmp_path / "moved")
    part.symlink_to(tmp_path / "moved")
    assert main(["verify", str(delivered)]) == 1
    assert f"{part} leads to {tmp_path}/moved through a link" in capsys.readouterr().out
