"""`sluice doctor`: every check runs, whatever the others find, and Airflow is asked if there is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sluice.airflow.connections import AirflowConnections
from sluice.airflow.worker import forget_workers, note_worker, timeouts
from sluice.cli import main
from sluice.definition.models.project import Staging
from sluice.doctor.workers import Workers
from tests.builders import World
from tests.servers.folders import folder_connection
from tests.servers.thread import serving
from tests.unit.delivery.people import FILES


class Airflow(ThreadingHTTPServer):
    """The part of Airflow's API that the command asks."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.now = datetime.now(UTC)
        self.beat = self.now
        self.triggerer: dict[str, Any] = {"status": "healthy"}
        self.pools = {"sluice_out": 2}
        self.hosts: list[str] = []
        self.queued: list[dict[str, Any]] = []
        self.parse = 0.5

    def to(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        path = path.partition("?")[0].removeprefix("/api/v2/")
        if path == "monitor/health":
            alive = {"status": "healthy"}
            scheduler = alive | {"latest_scheduler_heartbeat": self.beat.isoformat()}
            return 200, {
                "metadatabase": alive,
                "scheduler": scheduler,
                "triggerer": self.triggerer,
                "dag_processor": alive,
            }
        if path.startswith("pools/"):
            slots = self.pools.get(path.removeprefix("pools/"))
            return (200, {"slots": slots}) if slots else (404, {"detail": "not found"})
        if path.endswith("taskInstances/list"):
            assert body["dag_ids"] == ["export__people"]
            hosts = [{"hostname": host} for host in self.hosts]
            found = self.queued if body["state"] == ["queued"] else hosts
            return 200, {"task_instances": found[body["page_offset"] :], "total_entries": len(found)}
        if path == "dags/export__people":
            return 200, {"last_parse_duration": self.parse}
        return 200, {}


class Handler(BaseHTTPRequestHandler):
    server: Airflow

    def answer(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        status, said = self.server.to(self.path, body)
        self.send_response_only(status)
        self.send_header("Date", format_datetime(self.server.now))
        written = json.dumps(said).encode()
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    do_GET = do_POST = answer  # noqa: N815 - the base class's word

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    with serving(Airflow()) as server:
        monkeypatch.setenv("SLUICE_AIRFLOW_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("SLUICE_AIRFLOW_TOKEN", "token")
        yield server


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    limited = "{type: local, airflow_conn_id: out, folder: drop, limits: {at_once: 2}}"
    world.declare(FILES | {"connections/out.yaml": limited})
    for conn_id in ("lake", "sluice_staging", "out"):
        (tmp_path / conn_id).mkdir()
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", folder_connection(tmp_path / conn_id))
    return world


def run(world: World, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    status = main(["doctor", "--json", "--include", str(world.include)])
    found: dict[str, list[tuple[str, str]]] = {}
    for line in capsys.readouterr().out.splitlines():
        one = json.loads(line)
        found.setdefault(one["name"], []).append((one["state"], one["what"]))
    return status, found


def test_a_sound_installation(world: World, airflow: Airflow, capsys: pytest.CaptureFixture[str]) -> None:
    note_worker(Staging(), "export people, run r1, extract", AirflowConnections())
    (noted,) = Workers.of(Staging(), AirflowConnections()).seen()
    airflow.hosts = [noted.worker.host] * 150
    status, found = run(world, capsys)
    states = {name: {state for state, _ in said} for name, said in found.items()}
    assert states.pop("memory") <= {"ok", "warning"}, "of this machine"
    assert states.pop("disk") <= {"ok", "warning"}
    assert set(map(frozenset, states.values())) == {frozenset({"ok"})}, found
    assert status == 0
    assert {"declarations", "staging", "airflow", "pools", "versions", "clocks", "timeouts"} == states.keys()


def test_what_is_wrong_with_airflow(world: World, airflow: Airflow, capsys: pytest.CaptureFixture[str]) -> None:
    note_worker(Staging(), "task", AirflowConnections())
    airflow.pools = {}
    airflow.triggerer = {"status": None}
    airflow.now -= timedelta(hours=1)
    airflow.beat += timedelta(hours=2)
    airflow.hosts = ["elsewhere"]
    airflow.parse = 1000
    waiting = (datetime.now(UTC) - timedelta(minutes=12)).isoformat()
    airflow.queued = [{"dag_id": "export__people", "task_id": "upload", "queued_when": waiting}]
    status, found = run(world, capsys)
    assert status == 1
    assert found["pools"] == [("error", "there is no pool sluice_out: uploads that need it wait for ever")]
    assert found["airflow"][0][1].startswith("no triggerer is alive")
    assert (
        found["workers"][0][1] == "1 task of exports queued for a worker, for 12 minutes: first export__people upload"
    )
    assert {what.rpartition(" is ")[0] for _, what in found["clocks"]} == {
        "the clock of Airflow's API server",
        "the clock of Airflow's scheduler",
    }
    assert found["staging"][-1][1].startswith("elsewhere ran tasks of exports")
    assert found["timeouts"][0][0] == "error"


def test_a_pool_with_other_slots_is_a_warning(
    world: World, airflow: Airflow, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.pools = {"sluice_out": 5}
    assert run(world, capsys)[1]["pools"] == [("warning", "pool sluice_out has 5 slots, and 2 are declared")]


def test_without_airflow_and_staging_the_other_checks_run(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLUICE_AIRFLOW_URL", "http://127.0.0.1:1")
    (world.root / "sluice_staging").rmdir()
    (world.root / "sluice_staging").write_text("a file is in the way")
    world.declare({"exports/broken.yaml": "kind: nothing"})
    status, found = run(world, capsys)
    assert status == 1
    assert {name for name, said in found.items() for state, _ in said if state == "error"} >= {
        "declarations",
        "staging",
    }
    assert found["airflow"][0][0] == "warning"
    assert {"versions", "memory", "disk", "timeouts"} <= found.keys()


def test_a_worker_that_cannot_leave_a_note_goes_on(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SLUICE_STAGING")
    monkeypatch.setenv("SLUICE_HOME", str(world.root))
    note_worker(Staging(airflow_conn_id="nowhere"), "task", AirflowConnections())
    forget_workers(Staging(airflow_conn_id="nowhere"), AirflowConnections())
    assert "left no note" in caplog.text


def test_a_task_says_that_its_workers_clock_is_wrong(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_worker(Staging(), "task", AirflowConnections())
    assert "the clock of" not in caplog.text
    monkeypatch.setattr(
        "sluice.doctor.workers.datetime", SimpleNamespace(now=lambda _: datetime.now(UTC) + timedelta(hours=1))
    )
    note_worker(Staging(), "task", AirflowConnections())
    assert "1:00:00 ahead of that of staging's store" in caplog.text


def test_the_settings_are_airflows_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "airflow.providers.celery.executors.celery_executor.CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__CELERY__WORKER_CONCURRENCY", "7")
    monkeypatch.setenv("AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT", "no number")
    found = timeouts()
    assert (found.executor, found.at_once, found.task_instance_heartbeat_timeout) == ("CeleryExecutor", 7, None)
    assert found.dagbag_import_timeout == 30
