"""The wheel in somebody's own Airflow: another interpreter, another project, a DAG of their own beside the exports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.ports import LOOPBACK, free_port
from local.process import Process

ROOT = Path(__file__).parents[2]
PATIENCE = 400
"""Seconds; a machine of a tenth of the usual speed needs most of them."""
OWN_DAG = """
from airflow.sdk import dag, task

@dag(schedule=None)
def theirs():
    @task(retries=3, retry_delay=2)  # a busy machine may not get a task started in time
    def greet() -> str:
        return "hello"

    greet()

theirs()
"""


@dataclass(frozen=True)
class Theirs:
    """An Airflow project with an interpreter of its own, into which the wheel was installed."""

    folder: Path
    bin: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        ours = ("AIRFLOW", "SLUICE", "PYTHON", "VIRTUAL_ENV", "PYTEST")
        url = f"http://{LOOPBACK}:{self.port}"
        return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
            "PATH": os.pathsep.join([str(self.bin), os.environ["PATH"]]),
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW_CONN_LAKE": self._folder("lake"),
            "AIRFLOW_CONN_SLUICE_STAGING": self._folder("staging"),
            "AIRFLOW_CONN_DELIVERIES": self._folder("deliveries"),
        }

    def run(self, *words: str) -> str:
        """What a command of theirs prints."""
        argv = [str(self.bin / words[0]), *words[1:]]
        done = subprocess.run(argv, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _folder(self, name: str) -> str:
        return json.dumps({"conn_type": "fs", "extra": {"path": str(self.folder / name)}})


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv = [str(Path(sys.executable).with_name("uv")), "build", "--quiet", "--wheel", "--no-build-isolation", "--offline"]
    subprocess.run([*uv, "--python", sys.executable, "--out-dir", str(folder), str(ROOT)], check=True)
    (built,) = folder.glob("airflow_provider_sluice-*.whl")
    return built


@pytest.fixture(scope="module")
def theirs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Theirs:
    """Their environment has the libraries of ours, and Sluice from the wheel alone: no checkout is on its path."""
    folder = tmp_path_factory.mktemp("theirs")
    venv.create(folder / "venv", symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))
    scripts = folder / "venv" / "bin"
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--offline", "--no-deps"]
    subprocess.run([*uv, "--python", str(scripts / "python"), str(wheel)], check=True)
    airflow = f"#!{scripts / 'python'}\nimport sys\nfrom airflow.__main__ import main\nsys.exit(main())\n"
    (scripts / "airflow").write_text(airflow)
    (scripts / "airflow").chmod(0o755)
    made = Theirs(folder / "project", scripts, free_port(0))
    subprocess.run([scripts / "sluice", "init", made.folder], env=made.environment, check=True)
    return made


@pytest.fixture(scope="module")
def airflow(theirs: Theirs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Their Airflow, as `airflow standalone` starts it."""
    (theirs.folder / "dags" / "theirs.py").write_text(OWN_DAG)
    (theirs.folder / "lake" / "customers").mkdir(parents=True)
    customers = pa.table(
        {"customer_id": range(100), "email": [f"{n}@example.org" if n % 4 else None for n in range(100)]}
    )
    pq.write_table(customers, theirs.folder / "lake" / "customers" / "0.parquet")
    run = tmp_path_factory.mktemp("run")
    argv = [str(theirs.bin / "airflow"), "standalone"]
    process = Process.start("standalone", argv, run=run, logs=run, env=theirs.environment)
    try:
        with httpx.Client(base_url=f"http://{LOOPBACK}:{theirs.port}", timeout=60) as client:
            token = until(lambda: client.get("/auth/token").raise_for_status().json()["access_token"], process)
            client.headers["Authorization"] = f"Bearer {token}"
            yield client
    finally:
        process.stop(patience=30)


def until(look: Callable[[], object], process: Process | None = None) -> object:
    """What `look` finds, once it finds anything."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if found := look():
                return found
        except (httpx.HTTPError, KeyError):
            pass
        if process is not None:
            process.ensure_alive()
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.5)


def finished(client: httpx.Client, dag_id: str) -> str:
    """The state in which a new run of the DAG ends."""
    until(lambda: client.get(f"/api/v2/dags/{dag_id}").raise_for_status().json())
    started = client.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None}).raise_for_status().json()
    at = f"/api/v2/dags/{dag_id}/dagRuns/{started['dag_run_id']}"
    ended = ("success", "failed")
    return str(until(lambda: (state := client.get(at).raise_for_status().json()["state"]) in ended and state))


def test_it_is_the_wheel(theirs: Theirs, wheel: Path) -> None:
    where = theirs.run("python", "-c", "import sluice; print(sluice.__file__)")
    assert where.startswith(str(theirs.bin.parent))
    assert str(ROOT) not in where


def test_it_delivers_beside_a_dag_of_theirs(theirs: Theirs, airflow: httpx.Client) -> None:
    assert finished(airflow, "theirs") == "success"
    assert finished(airflow, "system_refresh") == "success"
    delivered = theirs.folder / "deliveries" / "partner" / "reachable"
    until(lambda: list(delivered.rglob("manifest-*.json")))  # it follows the refresh
    (manifest,) = delivered.rglob("manifest-*.json")
    assert json.loads(manifest.read_text())["records"] == 75
    errors = airflow.get("/api/v2/importErrors").raise_for_status().json()
    assert errors["import_errors"] == []


def test_airflow_lists_the_provider_and_the_plugin(airflow: httpx.Client) -> None:
    providers = airflow.get("/api/v2/providers", params={"limit": 100}).raise_for_status().json()["providers"]
    assert "airflow-provider-sluice" in {one["package_name"] for one in providers}
    plugins = airflow.get("/api/v2/plugins").raise_for_status().json()["plugins"]
    (ours,) = (one for one in plugins if one["name"] == "sluice")
    assert ours["timetables"] == ["sluice.airflow.timetable.ClockTimetable"]


def test_its_command_finds_the_same_declarations(theirs: Theirs, airflow: httpx.Client) -> None:
    assert "1 connection, 1 dataset, 1 segment, 1 refresh, 1 export: 0 errors" in theirs.run("sluice", "check")
