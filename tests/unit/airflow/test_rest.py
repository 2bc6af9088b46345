"""Commands ask an Airflow that is silent for a while again, say that they wait, and give up in the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local.ports import free_port
from sluice.airflow import rest as rest_of
from sluice.airflow import runs, starting
from sluice.airflow.rest import Outage, Rest
from sluice.airflow.runs import Run, Task
from sluice.errors import FatalError, RetriableError
from tests.servers.thread import serving

SLOW = 0.3


class Airflow(ThreadingHTTPServer):
    """What a command needs of Airflow's API, and troubles: each answers one request, before it does as it should."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.troubles: list[str] = []
        self.asked: list[str] = []
        self.states: dict[tuple[str, str], str] = {}
        self.log: tuple[int, Any] = (404, {"detail": "TaskInstance not found"})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Airflow

    def answer(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        self.server.asked.append(f"{self.command} {self.path}")
        trouble = self.server.troubles.pop(0) if self.server.troubles else ""
        if trouble == "slow":
            time.sleep(SLOW * 2)
        if trouble in ("dropped", "slow"):
            self.close_connection = True
            return None
        if trouble == "503":
            return self.say(503, {"detail": "busy"})
        status, said = self.to(body)
        if trouble == "lost":
            self.close_connection = True
            return None
        return self.say(status, said)

    do_GET = do_POST = answer  # noqa: N815 - the base class's word

    def to(self, body: dict[str, Any]) -> tuple[int, Any]:
        states = self.server.states
        if self.path == "/api/v2/dags/~/dagRuns/list":
            going = [key for key, state in states.items() if state in body["states"] and key[0] in body["dag_ids"]]
            return 200, {"total_entries": len(going), "dag_runs": [{"dag_id": d, "dag_run_id": r} for d, r in going]}
        if "/logs/" in self.path:
            return self.server.log
        dag_id = self.path.split("/")[4]
        if self.command == "POST":
            key = (dag_id, body["dag_run_id"])
            if key in states:
                return 409, {"detail": "it is there already"}
            states[key] = "queued"
            return 200, {"dag_run_id": key[1]}
        return 200, {"state": states[dag_id, self.path.split("/")[6]]}

    def say(self, status: int, body: Any) -> None:
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    monkeypatch.setattr(Outage, "PAUSE", 0.01)
    monkeypatch.setattr(rest_of, "TIMEOUT", SLOW)
    monkeypatch.setattr(starting, "FIRST_PAUSE", 0.01)
    with serving(Airflow()) as server:
        yield server


def client(airflow: Airflow, **outage: Any) -> tuple[Rest, list[str]]:
    said: list[str] = []
    return Rest(airflow.url, token="t", outage=Outage(say=said.append, **outage)), said


def test_a_try_that_airflow_does_not_have_has_no_log(airflow: Airflow) -> None:
    """A scheduler that takes a task back counts a try, of which nothing is kept."""
    rest, _ = client(airflow)
    task = Task(Run("a", "1"), "extract", -1, "extract", "failed", 1)
    assert (runs.log(rest, task), runs.error(rest, task)) == ([], "")
    airflow.log = (200, {"content": [{"event": "it failed", "error_detail": [{"exc_type": "E", "exc_value": "why"}]}]})
    assert (runs.log(rest, task), runs.error(rest, task)) == (["it failed", "E: why"], "why")
    airflow.log = (403, {"detail": "Forbidden"})
    with pytest.raises(FatalError, match="403"):
        runs.log(rest, task)


@pytest.mark.parametrize("trouble", ["dropped", "slow", "503"])
def test_an_outage_is_said_once_and_waited_for(airflow: Airflow, trouble: str) -> None:
    """C6: `make demo` died of one slow answer."""
    airflow.states["a", "1"] = "success"
    airflow.troubles = [trouble] * 3
    rest, said = client(airflow)
    assert runs.state(rest, Run("a", "1")) == "success"
    assert len(airflow.asked) == 4
    first, last = said
    assert first.startswith("waiting for Airflow to answer, at most 180 s: ")
    assert last.startswith("Airflow answers again after ")
    airflow.troubles = [trouble]
    with pytest.raises(RetriableError):
        runs.state(Rest(airflow.url, token="t"), Run("a", "1"))


def test_an_outage_has_an_end(airflow: Airflow) -> None:
    rest = Rest(f"http://127.0.0.1:{free_port(0)}", token="t", outage=Outage(0.05, say=lambda _: None))
    with pytest.raises(FatalError, match="Airflow has not answered for 0 s") as ended:
        runs.state(rest, Run("a", "1"))
    assert "refused" in str(ended.value)


def test_waiting_in_vain_ends_at_once(airflow: Airflow) -> None:
    def died() -> None:
        raise FatalError("api-server has stopped by itself")

    airflow.troubles = ["503"]
    rest, _ = client(airflow, meanwhile=died)
    with pytest.raises(FatalError, match="stopped by itself"):
        runs.state(rest, Run("a", "1"))


def test_a_lost_answer_starts_no_second_run(airflow: Airflow) -> None:
    airflow.troubles = ["lost"]
    rest, _ = client(airflow)
    run = runs.trigger(rest, "a")
    assert list(airflow.states) == [("a", run.run_id)]
    assert airflow.asked == ["POST /api/v2/dags/a/dagRuns"] * 2


@pytest.mark.slow
def test_all_runs_are_looked_at_in_one_request(airflow: Airflow) -> None:
    """C6: `run --all --wait` asked for each run every two seconds."""
    started = [Run(f"d{number}", "1") for number in range(30)]
    airflow.states = dict.fromkeys(((run.dag_id, run.run_id) for run in started), "running")
    rest, _ = client(airflow)
    ending = starting.ended(rest, started)
    airflow.states[started[7].dag_id, "1"] = "failed"
    assert next(ending) == (started[7], False)
    assert airflow.asked == ["POST /api/v2/dags/~/dagRuns/list", "GET /api/v2/dags/d7/dagRuns/1"]
    airflow.states = dict.fromkeys(airflow.states, "success")
    assert [run for run, _ in ending] == [run for run in started if run != started[7]]
    assert airflow.asked.count("POST /api/v2/dags/~/dagRuns/list") == 2
