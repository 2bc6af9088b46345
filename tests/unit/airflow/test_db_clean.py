"""`sluice airflow db clean` removes nothing that an export needs. What it may remove is on the page, and a run goes on
without it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.db_cleanup import config_list, run_cleanup
from airflow.utils.session import create_session

from sluice.airflow.connections import AirflowConnections
from sluice.definition.models.project import Staging
from sluice.runs.index import Index
from tests.unit.airflow.test_run_states import Scene, scene, tables

__all__ = ["scene", "tables"]
PAGE = Path(__file__).parents[3] / "docs" / "operating.md"


def test_the_page_names_every_table_that_is_cleaned() -> None:
    section = PAGE.read_text().partition("**Airflow's database**")[2].partition("## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {one.table_name for one in config_list}
    assert "asset_state_store" not in named, "watermarks stay"


@pytest.mark.slow
def test_an_export_goes_on_after_everything_was_cleaned(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    first = scene.run()
    assert first.state == "success"
    run_cleanup(
        clean_before_timestamp=datetime.now(UTC) + timedelta(hours=1),  # type: ignore[arg-type]
        skip_archive=True,
        confirm=False,
        verbose=False,
    )
    with create_session() as session:
        assert session.query(DagRun).filter_by(dag_id=first.dag.dag_id).count() == 0
    second = scene.run()
    assert second.state == "success"
    index = Index.of(Staging(), AirflowConnections())
    index.refresh()
    assert {one.run for one in index.published("people")} >= {first.run_id, second.run_id}
    assert {report.run for report in scene.history.last(5)} == {first.run_id, second.run_id}
