"""The commands that start runs, the trigger form, and events that come during a run or a pause: on a real Airflow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.airflow.rest import RefusedError
from sluice.cli import main
from tests.integration.cdnow import Cdnow
from tests.integration.stack import Stack
from tests.integration.test_main_job import csv_rows

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAG, FOLLOWS, CHANGES = "export__parcels", "export__parcels_follow", "export__parcels_changes"

UPGRADING = Path(__file__).parents[2] / "docs" / "upgrading.md"

Sluice = Callable[..., tuple[int, str, str]]


def put(stack: Stack, names: dict[int, str]) -> None:
    """Parcels, one each six hours."""
    path = stack.root / "lake" / "parcels" / "0.parquet"
    path.parent.mkdir(exist_ok=True)
    times = pa.array([START + timedelta(hours=6) * n for n in names], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"id": list(names), "name": list(names.values()), "at": times}), path)


@pytest.fixture(scope="module")
def parcels(stack: Stack) -> Stack:
    put(stack, dict.fromkeys(range(12), "x"))
    for dag_id in (DAG, FOLLOWS, CHANGES):
        stack.wait_for_dag(dag_id)
    stack.unpause(FOLLOWS, paused=True)
    return stack


@pytest.fixture
def sluice(
    parcels: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Sluice:
    """The command on the machine of a local Airflow whose declarations are elsewhere: its status and what it prints."""
    monkeypatch.chdir(parcels.project(tmp_path / "project"))
    monkeypatch.setenv("SLUICE_INCLUDE", str(parcels.layout.include))
    monkeypatch.setenv("SLUICE_HOME", str(parcels.root))

    def run(*words: str) -> tuple[int, str, str]:
        status = main(list(words))
        printed = capsys.readouterr()
        which, _, problems = printed.err.partition("\n")
        assert which == f"declarations: {parcels.layout.include} (SLUICE_INCLUDE)"
        return status, printed.out, problems

    return run


def folder(stack: Stack) -> dict[str, bytes]:
    """What was delivered of the export `parcels`."""
    below = stack.deliveries / "drop" / "parcels"
    return {str(p.relative_to(below)): p.read_bytes() for p in sorted(below.rglob("*")) if p.is_file()}


def runs(stack: Stack, dag_id: str) -> list[dict[str, Any]]:
    return list(stack.rest.every(f"dags/{dag_id}/dagRuns", "dag_runs", order_by="run_after"))


def told(stack: Stack) -> tuple[Any, int]:
    """The export's watermark, and how often those who follow it were told of a delivery."""
    assets = {one["name"]: one["id"] for one in stack.rest.every("assets", "assets")}
    try:
        mark = stack.rest.get(f"assets/{assets['watermark/parcels']}/state-store/watermark")["value"]
    except RefusedError:
        mark = None
    delivered = assets.get("export/parcels")  # there is none before the first delivery
    events = stack.rest.every("assets/events", "asset_events", asset_id=delivered) if delivered else ()
    return mark, len(list(events))


def test_a_backfill_of_what_airflow_refuses_delivers_each_day_and_again_the_same(
    parcels: Stack, sluice: Sluice
) -> None:
    words = ("backfill", "parcels", "--from", "2026-03-02", "--to", "2026-03-04")
    refused = parcels.cli("backfill", "create", "--dag-id", DAG, "--from-date", "2026-03-02", "--to-date", "2026-03-04")
    assert refused.returncode != 0
    status, printed, _ = sluice(*words, "--dry-run")
    assert status == 0
    assert "(2026-03-02T00:00:00Z, 2026-03-03T00:00:00Z]  parcels/exportTime=202603030000/manifest-" in printed
    before = told(parcels)
    status, printed, problems = sluice(*words, "--wait")
    assert (status, problems) == (0, "")
    assert printed.count("4 records in 2 files") == 2
    first = folder(parcels)
    assert {name.split("/")[0] for name in first} == {"exportTime=202603030000", "exportTime=202603040000"}
    assert sluice(*words, "--wait")[0] == 0
    assert folder(parcels) == first
    assert told(parcels) == before, "a backfill moves nothing and wakes nobody"


def test_a_run_is_sent_again_byte_by_byte(parcels: Stack, sluice: Sluice) -> None:
    status, printed, problems = sluice("run", "parcels", "--wait")
    assert (status, problems) == (0, "")
    assert "12 records in 4 files" in printed
    run_id = printed.split("started ")[1].split()[0]
    before, state = folder(parcels), told(parcels)
    gone = Path(printed.split()[-1]).parent
    shutil.rmtree(gone)
    assert folder(parcels) != before
    assert sluice("resend", "parcels", run_id, "--wait")[0] == 0
    assert folder(parcels) == before
    assert told(parcels) == state
    status, _, problems = sluice("resend", "parcels", "manual__never")
    assert status == 1
    assert "parcels has no run manual__never" in problems
    assert run_id in problems


def test_a_failed_run_prints_its_page(parcels: Stack, sluice: Sluice) -> None:
    status, _, problems = sluice("run", "no_data", "--wait")
    assert status == 1
    assert "no_data: run manual__" in problems
    assert "next:" in problems
    assert "/dags/export__no_data/runs/manual__" in problems


def test_changes_between_two_runs(parcels: Stack, sluice: Sluice) -> None:
    """The first by the command of `docs/upgrading.md`, which starts the export again."""
    (command,) = re.findall(r"^sluice (run EXPORT .*)$", UPGRADING.read_text(), re.MULTILINE)
    status, _, problems = sluice(*command.replace("EXPORT", "parcels_changes").split())
    assert status == 0, problems
    put(parcels, {n: "y" if n == 3 else "x" for n in range(1, 13)})
    try:
        assert sluice("run", "parcels_changes", "--wait")[0] == 0
    finally:
        put(parcels, dict.fromkeys(range(12), "x"))
    report = parcels.xcom(CHANGES, runs(parcels, CHANGES)[-1]["dag_run_id"], "publish")
    rows = csv_rows(report, "parcels")
    assert {row["id"]: row["_change"] for row in rows} == {"0": "removed", "3": "changed", "12": "added"}


def test_what_cannot_start_says_so_in_a_page(parcels: Stack, sluice: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    before = runs(parcels, DAG)
    status, _, problems = sluice("run", "parcels", "parcels_follow")
    assert status == 1
    assert "the DAG export__parcels_follow is paused" in problems
    (parcels.root / "include" / "exports" / "unseen.yaml").write_text(
        "{kind: dataset-export, connection: drop, datasets: [parcels], schedule: 'off'}"
    )
    try:
        status, _, problems = sluice("run", "parcels", "unseen")
    finally:
        (parcels.root / "include" / "exports" / "unseen.yaml").unlink()
    assert status == 1
    assert "Airflow does not know the DAG export__unseen yet" in problems
    status, _, problems = sluice("run", "parcels", "--feeds", "parcel")
    assert status == 1
    assert "did you mean: parcels" in problems
    assert runs(parcels, DAG) == before, "nothing starts where one cannot"
    monkeypatch.setenv("SLUICE_AIRFLOW_URL", parcels.airflow.address().url)
    monkeypatch.setenv("SLUICE_AIRFLOW_USER", parcels.airflow.address().user)
    monkeypatch.setenv("SLUICE_AIRFLOW_PASSWORD", "wrong")
    assert "rejects the login (401)" in sluice("run", "parcels")[2]
    monkeypatch.setenv("SLUICE_AIRFLOW_URL", "http://127.0.0.1:1")
    assert "Airflow does not answer" in sluice("run", "parcels")[2]


def test_the_doctor_knows_the_worker_and_finds_one_broken_export(parcels: Stack, sluice: Sluice) -> None:
    assert parcels.wait(DAG, parcels.trigger(DAG)) == "success"
    status, out, _ = sluice("doctor")
    wrong = [line for line in out.splitlines() if line.startswith("error")]
    assert wrong == ["error    declarations: 1 error; exports that cannot run: broken"]
    assert status == 1
    for found in ("staging: shared: ", "the same on 1 worker", "Airflow's scheduler, worker ", "DAG file takes"):
        assert found in out


def test_the_system_refresh_is_started_waited_for_and_shown(parcels: Stack, sluice: Sluice, cdnow: Cdnow) -> None:
    status, printed, problems = sluice("refresh")
    assert (status, problems) == (0, "")
    started, _, *rows = printed.splitlines()
    assert started.startswith("system_refresh: started manual__")
    assert ["segment", "loyal", "success", f"{len(cdnow.buyers(5)):,}"] in [row.split() for row in rows]
    parcels.unpause("system_refresh", paused=True)
    try:
        status, _, problems = sluice("refresh")
    finally:
        parcels.unpause("system_refresh")
    assert status == 1
    assert "`sluice airflow dags unpause system_refresh`" in problems


def test_airflows_own_command_reaches_the_airflow_that_runs(parcels: Stack, tmp_path: Path) -> None:
    """The plain one speaks to another, empty Airflow."""
    project = parcels.project(tmp_path / "project")
    argv = [sys.executable, "-m", "sluice.cli", "airflow"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*argv, *words], cwd=project, env=env, capture_output=True, text=True, check=False)

    listed = run("dags", "list", "-o", "plain")
    assert DAG in listed.stdout
    refused = run("dags", "details", "nowhere")
    assert refused.returncode != 0


def test_the_form_and_what_it_refuses(parcels: Stack) -> None:
    form = parcels.rest.get(f"dags/{DAG}/details")["params"]
    assert list(form) == ["datasets", "mode", "dry_run", "from", "to", "wake_downstream", "resend", "verify"]
    assert form["mode"]["schema"]["enum"] == ["incremental", "full"]
    assert form["datasets"]["schema"]["items"]["enum"] == ["parcels"]
    for conf in ({"mode": "fulll"}, {"datasets": ["parcel"]}, {"dry_run": "perhaps"}):
        with pytest.raises(RefusedError) as refused:
            parcels.rest.post(f"dags/{DAG}/dagRuns", {"logical_date": None, "conf": conf})
        assert refused.value.status == 400
    whole = {key: one["value"] for key, one in form.items()}
    asked = {**whole, "from": "2026-03-03T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
    wrong = {
        parcels.trigger(DAG, asked): "is not a slice of time",
        parcels.trigger(DAG, {"from": "yesterday"}): "`from` alone is not a slice of time",
        parcels.trigger(DAG, {"mod": "full"}): "unknown key `mod`",
    }
    for run_id, says in wrong.items():
        assert parcels.wait(DAG, run_id) == "failed"
        assert says in parcels.log(DAG, run_id, "wait_for_refreshes")
    run_id = parcels.trigger(DAG, {**whole, "mode": "full", "dry_run": True})
    assert parcels.wait(DAG, run_id) == "success"
    assert parcels.xcom(DAG, run_id, "extract")["records"] == 12


@pytest.fixture
def held(parcels: Stack) -> Iterator[Callable[[], None]]:
    """The refresh of `crates` runs until it is let go."""
    stock = parcels.root / "lake" / "stock"
    made = not stock.exists()
    stock.mkdir(exist_ok=True)
    go = stock.parent / "go"
    go.unlink(missing_ok=True)
    run_id = parcels.trigger("load_stock", {"waits": True})
    yield go.touch
    go.touch()
    parcels.wait("load_stock", run_id)
    go.unlink()
    if made:
        shutil.rmtree(stock)


def test_events_during_a_run_start_one_more_and_events_during_a_pause_none(
    parcels: Stack, sluice: Sluice, held: Callable[[], None]
) -> None:
    """And no row is missed either way: the next run delivers what there is."""
    assert sluice("run", "parcels", "--wait")[0] == 0
    parcels.unpause(FOLLOWS)
    assert sluice("run", "parcels", "--wait")[0] == 0
    (first,) = parcels.until("the run that follows", lambda: runs(parcels, FOLLOWS))
    for _ in range(2):
        assert sluice("run", "parcels", "--wait")[0] == 0
    assert [one["state"] for one in runs(parcels, FOLLOWS)] == ["running"]
    held()
    assert parcels.wait(FOLLOWS, first["dag_run_id"]) == "success"
    second = parcels.until("one more run", lambda: runs(parcels, FOLLOWS)[1:])[-1]
    assert parcels.wait(FOLLOWS, second["dag_run_id"]) == "success"
    assert len(runs(parcels, FOLLOWS)) == 2, "three deliveries, of which two came during a run; and none of the pause"
    parcels.unpause(FOLLOWS, paused=True)
