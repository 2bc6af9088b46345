"""A Celery worker of a local Airflow: it starts with the pinned packages, answers, and sees only what it may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local import redis, workers
from local.airflow import environment
from local.layout import Layout
from local.process import Process
from sluice.errors import FatalError
from tests.integration.stack import until

pytestmark = pytest.mark.slow
PASSWORD = "of-the-database"


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """Of an Airflow with Celery workers; all that was started ends with the test."""
    include = tmp_path / "project" / "include"
    include.mkdir(parents=True)
    layout = Layout(
        home=tmp_path / "home", root=include.parent, include=include, executor="celery", workers=1, share_nothing=True
    )
    (layout.home / "postgres").mkdir(parents=True)
    (layout.home / "postgres" / "password").write_text(PASSWORD)
    try:
        yield layout
    finally:
        for record in sorted(layout.run.glob("*.json"), reverse=True):  # the worker before its broker
            Process.recorded(record).stop()


def test_a_worker_has_a_machine_of_its_own_and_no_secret(layout: Layout) -> None:
    broker = redis.start(layout)
    env = environment(layout, "http://127.0.0.1:1", f"postgresql://airflow:{PASSWORD}@nowhere/db", broker)
    env["SPT_NOENV"] = "1"  # otherwise Celery writes the process's title over what is read below
    worker = workers.start_one(layout, env, "worker-1")
    until("the worker to be ready", lambda: "worker-1 ready" in _log(layout))  # to ask it starts a process
    workers.start_one(layout, env, "worker-2").stop()  # its folder stays
    until("the worker to answer", lambda: _answers(env))
    seen = psutil.Process(worker.pid).environ()

    assert not {*workers._NOT_FOR_WORKERS} & seen.keys()
    assert PASSWORD not in " ".join(seen.values())
    own = layout.home / "workers" / "worker-1"
    for name in ("HOME", "AIRFLOW_HOME", "TMPDIR", "SLUICE_CACHE", "SLUICE_INCLUDE", "AIRFLOW__CORE__DAGS_FOLDER"):
        assert Path(seen[name]).is_relative_to(own), name
    if os.geteuid() == 0 and shutil.which("unshare"):
        as_seen = Path(f"/proc/{worker.pid}/root{layout.home}")
        assert [path.name for path in as_seen.iterdir()] == ["workers"], "the database's password is out of sight"
        assert [path.name for path in (as_seen / "workers").iterdir()] == ["worker-1"]
        assert (layout.home / "workers" / "worker-2").exists(), "which is there for others"
    redis.kill_and_start_again(layout)
    until("the worker to answer through the broker that was killed", lambda: _answers(env))
    family = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
    worker.stop()
    assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def _log(layout: Layout) -> str:
    return "".join(path.read_text(errors="replace") for path in layout.logs.glob("worker-1*"))


def _answers(env: dict[str, str]) -> bool:
    argv = [sys.executable, "-m", "celery", "--app", "airflow.providers.celery.executors.celery_executor.app"]
    asked = [*argv, "inspect", "ping", "--timeout", "5"]
    done = subprocess.run(asked, env=env, capture_output=True, text=True, check=False)
    return "worker-1: OK" in done.stdout


def test_the_brokers_password_is_on_no_command_line(layout: Layout) -> None:
    url = redis.start(layout)
    password = url.partition("redis://:")[2].partition("@")[0]
    server = Process.recorded(layout.run / "redis.json")
    assert password not in " ".join(psutil.Process(server.pid).cmdline())
    assert oct((layout.home / "redis" / "redis.conf").stat().st_mode & 0o777) == "0o600"


def test_what_is_missing_is_named(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PACKAGES", layout.home / "nowhere")
    with pytest.raises(FatalError, match="the packages of the CeleryExecutor are missing") as missing:
        environment(layout, "http://127.0.0.1:1", "postgresql://", "redis://")
    assert "make install-cluster" in missing.value.page()
    monkeypatch.setenv("PATH", str(layout.home))
    with pytest.raises(FatalError, match="redis-server"):
        redis.start(layout)
