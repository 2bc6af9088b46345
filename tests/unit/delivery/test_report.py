"""The report of a run, and the history that keeps it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sluice.cli import main
from sluice.delivery.report import history as keeping
from sluice.delivery.report.history import History
from sluice.errors import FatalError
from tests.builders import World

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out, folder: drop}",
    "exports/people.yaml": """
        {kind: dataset-export, connection: out, datasets: [people], mode: full, chunks: {records: 30}}
        """,
    "exports/news.yaml": "{kind: dataset-export, connection: out, datasets: [people]}",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("people", pa.table({"id": range(100)}), files=2)
    return world


def history(world: World, export: str = "people") -> History:
    return History(world.plan(export).staging, export, world)


def test_a_report_says_what_was_done_in_numbers(world: World) -> None:
    report = world.run("people", "r1")
    assert (report.outcome, report.why, report.mode, report.run) == ("published", "", "full", "r1")
    assert (report.files, report.records, report.rejected) == (4, 100, 0)
    feed = report.feeds["people"]
    assert (feed.read, feed.selected, feed.written, feed.parts) == (100, 100, 100, 4)
    assert report.bytes == feed.bytes == sum(path.stat().st_size for path in (world.root / "out").rglob("part-*"))
    assert set(report.steps) == {"extract", "chunk", "upload", "publish"}
    assert {
        "sluice",
        "python",
        "airflow",
        "pyarrow",
        "polars",
        "duckdb",
        "isal",
        "botocore",
        "azure-storage-blob",
    } <= set(report.versions)
    assert Path(report.manifest).exists()


def test_the_slice_of_an_incremental_delivery_is_in_its_report(world: World) -> None:
    first = world.run("news", "r1").feeds["people"]
    second = world.run("news", "r2").feeds["people"]
    assert first.since is None
    assert (second.since, second.until, second.written) == (first.until, first.until, 0)


def test_what_is_kept_is_what_was_told_and_the_newest_comes_first(world: World) -> None:
    reports = [world.run("people", f"r{n}") for n in range(3)]
    assert history(world).last(2) == [reports[2], reports[1]]
    assert history(world).find(reports[0].flow_run_id) == reports[0]
    assert list(history(world, "news")) == []


def test_a_refused_run_says_what_differs(world: World) -> None:
    world.run("people", "r1")
    staged = world.extract("people", "r2")
    world.upload(staged)
    (gone,) = (world.root / "out").rglob(f"part-00001-*-{world.plan('people', 'r2').run.id}-*")
    gone.unlink()
    with pytest.raises(FatalError):
        world.publish(staged)
    refused, published = history(world).last(10)
    assert (refused.run, refused.outcome, published.outcome) == ("r2", "failed", "published")
    assert "1 of 4 parts at the destination differ" in refused.why
    assert [one.run for one in history(world).published(10)] == ["r1"]


@pytest.mark.slow
def test_old_reports_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "KEPT", 2)
    for n in range(4):
        world.run("people", f"r{n}")
    assert [one.run for one in history(world)] == ["r3", "r2"]


def test_runs_that_published_nothing_push_no_delivery_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later deliveries are compared with the last ones (`expect.max_deviation`)."""
    monkeypatch.setattr(keeping, "KEPT", 2)
    published = world.run("people", "r0")
    for n in range(4):
        said = {"outcome": "skipped", "run": f"s{n}", "flow_run_id": f"s{n}", "why": "no record"}
        history(world).keep(published.model_copy(update=said))
    assert sorted(one.run for one in history(world)) == ["r0", "s2", "s3"]
    assert history(world).published(5) == [published]
    unknown = published.model_copy(update={"outcome": "unknown", "run": "r1", "flow_run_id": "r1"})
    history(world).keep(unknown)
    history(world).keep(unknown.model_copy(update={"outcome": "published"}))
    assert [one.outcome for one in history(world) if one.run == "r1"] == ["published"]


class Airflow:
    """What Airflow's API says of an export's runs."""

    def __init__(self, states: dict[str, str]) -> None:
        self._states = states
        self.url = "http://airflow"

    def get(self, path: str, **_: object) -> Any:
        if path.endswith("/dagRuns"):
            return {"dag_runs": [{"dag_run_id": run, "state": state} for run, state in self._states.items()]}
        return {"content": [{"event": "x", "error_detail": [{"exc_value": "people: it is not there"}]}]}

    def every_posted(self, path: str, key: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        task = {"task_id": "extract", "map_index": -1, "rendered_map_index": None, "state": "failed", "try_number": 1}
        return [task | {"dag_id": body["dag_ids"][0], "dag_run_id": body["dag_run_ids"][0]}]


@pytest.mark.parametrize(
    ("states", "says"),
    [
        (
            {"r2": "failed", "r1": "success"},
            [
                "r2: failed, without a report",
                "people: it is not there",
                "  see: http://airflow/dags/export__people/runs/r2",
            ],
        ),
        ({"r3": "running", "r1": "success"}, ["r3: running, without a report"]),
        ({}, ["people has not run yet"]),
    ],
)
def test_runs_that_failed_before_they_had_a_report_are_told_by_airflow(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    states: dict[str, str],
    says: list[str],
) -> None:
    """It said that an export whose runs fail in `extract` has not run yet."""
    monkeypatch.setattr("sluice.commands.report.AirflowConnections", lambda: world)
    monkeypatch.setattr("sluice.commands.report.login", lambda _: Airflow(states))
    if states:
        world.run("people", "r1")
    assert main(["report", "people", "--include", str(world.include)]) == 0
    assert capsys.readouterr().out.splitlines()[2 if states else 1 :] == says


def test_the_command_prints_them(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sluice.commands.report.AirflowConnections", lambda: world)
    assert main(["report", "people", "--include", str(world.include)]) == 0
    assert capsys.readouterr().out == (
        "people has no report yet\nruns without a report are known only to Airflow: "
        "no Airflow is named, and none is running on this machine\n"
    )
    world.run("people", "r1")
    assert main(["report", "people", "--include", str(world.include)]) == 0
    head, row, _ = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["ended", "(UTC)", "run", "outcome"]
    assert row.split()[:7] == ["2026-03-09", "04:05:00", "r1", "published", "4", "100", "0"]
    assert main(["report", "people", "-n", "1", "--json", "--include", str(world.include)]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 100
