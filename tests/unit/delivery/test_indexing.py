"""A report is stored, then indexed; if that fails, the delivery stands and the next run indexes it."""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sluice.cli import main
from sluice.definition.models.project import Staging
from sluice.delivery.report.history import History
from sluice.delivery.report.indexing import rebuild
from sluice.errors import RetriableError
from sluice.runs.compact import compact, compact_daily
from sluice.runs.index import Index
from sluice.runs.journal import Journal
from sluice.runs.record import Record
from tests.builders import World
from tests.unit.delivery.people import people

pytestmark = pytest.mark.slow  # hundreds of reports


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for command in ("report", "runs"):
        monkeypatch.setattr(f"sluice.commands.{command}.AirflowConnections", lambda: people_world)
    people_world = people(tmp_path, monkeypatch)
    return people_world


def index(world: World) -> list[Record]:
    found = Index.of(Staging(), world)
    found.refresh()
    return found.history("people", 1000).records


def journal(world: World) -> Journal:
    return Journal.of(Staging(), world)


def test_a_delivery_is_in_the_index(world: World) -> None:
    report = world.run("people", "r1")
    (one,) = index(world)
    assert (one.export, one.kind, one.connection, one.run) == ("people", "dataset-export", "out", "r1")
    assert (one.outcome, one.mode, one.files, one.records, one.bytes) == ("published", "full", 4, 100, report.bytes)
    assert (one.flow_run_id, one.manifest) == (report.flow_run_id, report.manifest)
    assert one.ended == world.now
    assert one.started is not None
    assert 0 < one.seconds == pytest.approx(sum(report.steps.values()), abs=0.001)


def refuse(*_: object) -> None:
    raise RetriableError("staging is gone")


def test_a_failure_to_index_fails_no_delivery(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "append", refuse)
        assert world.run("people", "r1").outcome == "published"
    assert "not every report is in the index of runs yet; the next run adds it: staging is gone" in caplog.text
    assert index(world) == []
    world.run("people", "r2")
    assert [one.run for one in index(world)] == ["r2", "r1"]


def test_nothing_fails_a_delivery_that_is_published(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("sluice.delivery.report.indexing.record_of", break_down)
    assert world.run("people", "r1").outcome == "published"


def test_reports_of_an_older_version_are_indexed_by_the_next_run(world: World) -> None:
    """They have no kind and no start, and nothing says that they are indexed."""
    reports = world.root / "sluice_staging" / "staging" / "deliveries" / "people" / "reports"
    world.run("people", "r1")
    (old,) = reports.glob("*.json")
    values = json.loads(old.read_text())
    old.write_text(json.dumps({name: value for name, value in values.items() if name not in ("kind", "started_at")}))
    (reports / "0.json").write_text("{not a report")
    (reports / "1.json").write_text(old.read_text().replace('"ended_at": "2026', '"ended_at": "someday 2026'))
    os.utime(reports / "1.json", (0, 0))
    (reports / "indexed").unlink()
    journal(world)._folder.remove_tree("new")
    world.run("people", "r2")
    assert [(one.run, one.kind) for one in index(world)] == [("r2", "dataset-export"), ("r1", "")]


def test_a_report_is_indexed_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run("people", "r1")
    history, added = History(Staging(), "people", world), []
    monkeypatch.setattr(Journal, "append", lambda _, record: added.append(record))
    history.catch_up()
    assert added == []
    world.run("people", "r2")
    assert [one.run for one in added] == ["r2"]


@pytest.mark.parametrize("body", [b"\xff", b"[]", b"{"])
def test_a_corrupt_list_of_what_is_indexed_costs_a_second_look(world: World, body: bytes) -> None:
    world.run("people", "r1")
    (world.root / "sluice_staging/staging/deliveries/people/reports/indexed").write_bytes(body)
    world.run("people", "r2")
    assert [one.run for one in index(world)] == ["r2", "r1"]


def test_a_report_that_cannot_be_read_keeps_no_other_out(world: World) -> None:
    report = world.run("people", "r1")
    history = History(Staging(), "people", world)
    for run, ended in (("r2", "someday"), ("r3", report.ended_at)):
        history.keep(report.model_copy(update={"run": run, "flow_run_id": run, "ended_at": ended}))
    assert [one.run for one in index(world)] == ["r3", "r1"]


def test_more_runs_are_known_than_reports_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.delivery.report.history.KEPT", 1)
    history, report = History(Staging(), "people", world), world.run("people", "r0")
    for n in range(1, 4):
        history.keep(report.model_copy(update={"run": f"r{n}", "flow_run_id": f"f{n}"}))
    assert len(history.last(9)) == 1
    assert [one.run for one in index(world)] == ["r3", "r2", "r1", "r0"]


def test_the_journal_is_rebuilt_from_the_reports(world: World) -> None:
    for n in range(3):
        world.run("people", f"r{n}")
    before = index(world)
    (world.root / "sluice_staging/staging/deliveries/people/reports/x.json").write_text("{}")
    journal(world)._folder.remove_tree("new")
    assert list(rebuild(Staging(), world)) == ["people"] * 3
    assert list(rebuild(Staging(), world)) == []
    assert index(world) == before
    compact(journal(world), world.now + timedelta(days=1))
    assert list(rebuild(Staging(), world)) == [], "packed records are known too"
    assert journal(world).new() == []


def test_days_are_packed_once_a_day_and_a_failure_fails_no_run(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.run("people", "r1")
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "pack", refuse)
        compact_daily(Staging(), world, world.now + timedelta(days=1))
    assert "was not packed; another run tries again tomorrow: staging is gone" in caplog.text
    compact_daily(Staging(), world, world.now + timedelta(days=1))
    assert len(journal(world).new()) == 1, "it had its turn"
    compact_daily(Staging(), world, world.now + timedelta(days=2))
    assert journal(world).new() == []
    assert [one.run for one in index(world)] == ["r1"]


def blocks(language: str) -> list[str]:
    page = (Path(__file__).parents[3] / "docs" / "runs.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_the_packed_days_are_a_dataset_that_can_be_exported(world: World) -> None:
    """As docs/runs.md declares it."""
    dataset, export = blocks("yaml")
    datasets = world.include / "catalog" / "datasets.yaml"
    datasets.write_text(datasets.read_text() + dataset)
    world.declare({"exports/runs.yaml": export.replace("lake-out", "out")})
    world.run("people", "r1")
    compact(journal(world), world.now + timedelta(days=1))
    assert [world.run("runs", run).records for run in ("a", "b")] == [1, 0]
    compact(journal(world), world.now + timedelta(days=1))
    assert world.run("runs", "c").records == 2


def test_the_query_of_the_page_gives_one_row_per_run(world: World) -> None:
    report, history = world.run("people", "r1"), History(Staging(), "people", world)
    for outcome, run in (("failed", "r1"), ("failed", "r2"), ("unknown", "r2"), ("held", "r3")):
        history.keep(report.model_copy(update={"outcome": outcome, "run": run, "flow_run_id": run}))
    history.keep(report)
    compact(journal(world), world.now + timedelta(days=1))
    days = world.root / "sluice_staging" / "staging" / "index" / "days"
    query = blocks("sql")[0].replace("FROM sluice_runs", f"FROM '{days}/*/*.parquet'")
    found = duckdb.sql(query).project("run, flow_run_id, outcome").fetchall()
    assert sorted(found) == sorted((one.run, one.flow_run_id, one.outcome) for one in index(world))
    assert len(found) == 4


def printed(capsys: pytest.CaptureFixture[str], world: World, *words: str) -> list[str]:
    assert main([*words, "--include", str(world.include)]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_command_lists_the_last_run_of_every_export(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, world, "runs") == ["no run is in the index"]
    report = world.run("people", "r1")
    told: dict[str, Any] = {
        "export": "other",
        "outcome": "held",
        "why": "held: 1 record\n  next: look",
        "connection": "x",
    }
    History(Staging(), "other", world).keep(report.model_copy(update=told))
    head, held, published = printed(capsys, world, "runs")
    assert head.split() == ["export", "connection", "ended", "(UTC)", "outcome", "records", "bytes", "seconds", "why"]
    assert held.split()[:6] == ["other", "x", "2026-03-09", "04:05:00", "held", "100"]
    assert held.endswith("held: 1 record")
    assert published.split()[:6] == ["people", "out", "2026-03-09", "04:05:00", "published", "100"]
    assert len(printed(capsys, world, "runs", "--outcome", "held", "failed")) == 2
    assert len(printed(capsys, world, "runs", "--connection", "out")) == 2
    assert printed(capsys, world, "runs", "-n", "1")[2] == "1 more exports: `-n 2` shows all"
    (line,) = printed(capsys, world, "runs", "--json", "--outcome", "held")
    assert json.loads(line)["ended"] == "2026-03-09T04:05:00Z"


def test_the_command_rebuilds_and_packs(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("people", "r1")
    journal(world)._folder.remove_tree("new")
    assert main(["runs", "--rebuild", "--compact", "--include", str(world.include)]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == ["1 reports of 1 exports added to the index", "1 records of 1 days packed"]
    assert len(out.splitlines()) == 2
    assert journal(world).new() == []


def test_deliveries_are_restored_from_their_manifests(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of staging is lost. The times are those at which the runs were due; everything else is as it was."""
    for n in range(3):
        world.run("people", f"r{n}")
    before = [one.model_dump() for one in index(world)]
    shutil.rmtree(world.root / "sluice_staging")
    (world.root / "out" / "manifest-out-00000000-0000-0000-0000-000000000000.json").write_text("{}")
    words = ("runs", "--manifests", "out", "--include", str(world.include))
    for added in ("3 deliveries of 1 exports", "0 deliveries of 0 exports"):
        assert main(list(words)) == 0
        assert capsys.readouterr().err.splitlines()[-1] == f"{added} added from their manifests"
        compact(journal(world), world.now + timedelta(days=1))
    monkeypatch.setenv("SLUICE_CACHE", str(world.root / "another"))
    lost = {"started", "ended", "recorded", "seconds", "warnings"}
    after = [one.model_dump(exclude=lost) for one in index(world)]
    assert sorted(after, key=lambda one: one["run"]) == sorted(
        ({key: value for key, value in one.items() if key not in lost} for one in before), key=lambda one: one["run"]
    )
    assert {one.ended for one in index(world)} == {world.now.replace(second=0)}


def test_a_delivery_that_is_known_is_not_restored(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("people", "r1")
    before = index(world)
    assert main(["runs", "--manifests", "out", "--include", str(world.include)]) == 0
    assert "0 deliveries" in capsys.readouterr().err
    assert index(world) == before
    assert main(["runs", "--manifests", "uot", "--include", str(world.include)]) == 1
    assert "did you mean: out" in capsys.readouterr().err


def test_a_report_that_is_no_longer_kept_is_told_from_the_index(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    report = world.run("people", "r1")
    said = {"run": "r2", "flow_run_id": "f2", "outcome": "held", "why": "too few\n  next: look", "warnings": ("a", "b")}
    History(Staging(), "people", world).keep(report.model_copy(update=said))
    (world.root / "sluice_staging/staging/deliveries/people/reports/f2.ended.json").unlink()
    lines = printed(capsys, world, "report", "people")
    assert lines[1].split()[:4] == ["2026-03-09", "04:05:00", "r2", "held"]
    assert lines[3:5] == ["r2: too few", "r2: 2 warnings, in a report that is no longer kept"]
    records = [json.loads(line) for line in printed(capsys, world, "report", "people", "--json")]
    assert [("feeds" in one, one["run"]) for one in records] == [(False, "r2"), (True, "r1")]
