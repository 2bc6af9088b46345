"""What a process that forks imports for its children, and that none of it is dangerous to a fork."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest

from sluice.airflow import forking
from sluice.airflow.forking import FOR_PARSES, FOR_TASKS, needed
from sluice.airflow.plugin import SluicePlugin
from sluice.definition.load import load_catalog
from sluice.refresh.evaluate import evaluate_segment
from tests.builders import NOW, World

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: p}}
        """,
    "catalog/segments.yaml": "odd: {dataset: people, where: id % 2 = 1}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
    "exports/odd.yaml": """
        {kind: segment-export, connection: out, segments: [odd], fields: [id, name], format: {type: csv}}
        """,
}
PARENT = """
import importlib, os, sys
from pathlib import Path
from sluice.airflow.forking import FOR_TASKS

for module in FOR_TASKS:
    importlib.import_module(module)
print(*{"fastapi", "pandas", "pyarrow.dataset"} & sys.modules.keys())
threads = {Path(f"/proc/self/task/{t}/comm").read_text().strip() for t in os.listdir("/proc/self/task")}
print(*sorted(threads - {"jemalloc_bg_thd"}), sep=",")
"""
CHILD = """
import importlib, os, signal, sys
from pathlib import Path
from sluice.airflow.forking import FOR_TASKS

for module in FOR_TASKS:
    importlib.import_module(module)
from tests.builders import World

for _ in range(3):
    child = os.fork()
    if child == 0:
        signal.alarm(300)
        before = set(sys.modules)
        from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager as starting
        from sluice.airflow.dags import export_dags
        world = World(Path({root!r}))
        with starting("export__odd", "upload"):
            [dag] = export_dags(world.include, "export__odd")
        assert world.run("odd", str(os.getpid())).records == 5
        print(len(dag.tasks), *sorted(sys.modules.keys() - before), flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
"""


@pytest.mark.parametrize(
    ("command", "executor", "modules"),
    [
        ("scheduler", "LocalExecutor", FOR_TASKS),
        ("scheduler --skip-serve-logs", "KubernetesExecutor,LocalExecutor", FOR_TASKS),
        ("scheduler", "CeleryExecutor", ()),
        ("celery worker", "CeleryExecutor", FOR_TASKS),
        ("celery flower", "CeleryExecutor", ()),
        ("dag-processor", "CeleryExecutor", FOR_PARSES),
        ("api-server", "LocalExecutor", ()),
        ("triggerer", "LocalExecutor", ()),
        ("dags list", "LocalExecutor", ()),
        ("", "LocalExecutor", ()),
    ],
)
def test_only_processes_that_fork_import_anything(
    command: str, executor: str, modules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    monkeypatch.setattr(sys, "platform", "linux")
    assert needed(command.split()) == modules


def test_a_task_on_macos_is_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert needed(["scheduler"]) == ()
    assert needed(["dag-processor"]) == FOR_PARSES


def test_the_dag_processor_imports_no_engine() -> None:
    assert not [module for module in FOR_PARSES if module.split(".")[0] in ("pyarrow", "polars", "duckdb")]


def test_the_plugin_imports_it_when_airflow_loads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["airflow", "dag-processor"])
    imported: list[str] = []
    monkeypatch.setattr(forking.importlib, "import_module", imported.append)
    SluicePlugin.on_load()
    assert imported == [*FOR_PARSES]


def test_an_import_that_fails_hides_no_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the plugin, Airflow does not know the timetable, and no export has a DAG."""
    monkeypatch.setattr(forking, "needed", lambda _: ("sluice.no_such_module", "sluice.errors"))
    SluicePlugin.on_load()


@pytest.mark.slow
def test_importing_starts_no_thread_that_a_fork_would_lose() -> None:
    """Only the allocators' own, which are prepared for forks. FastAPI stays with the API server."""
    done = _python(PARENT)
    heavy, threads = done.splitlines()
    assert heavy == ""
    assert set(threads.split(",")) <= {"python", Path(sys.executable).name, "polars-ooc-clea"}


@pytest.mark.slow
def test_a_forked_task_finds_everything_imported(tmp_path: Path) -> None:
    """A whole delivery, from the DAG to the manifest, in a fork of a process that has imported everything, three times:
    it imports next to nothing, and does not wait for a thread that was lost."""
    world = World(tmp_path)
    world.declare(FILES)
    world.dataset("p", pa.table({"id": list(range(10)), "name": ["x"] * 10}))
    evaluate_segment(load_catalog(world.include), "odd", world, "r", NOW)
    for line in _python(CHILD.format(root=str(world.root))).splitlines():
        tasks, *modules = line.split()
        assert tasks == "6"
        ours = ("sluice", "pyarrow", "polars", "_polars_runtime_32", "duckdb", "numpy", "isal", "pydantic")
        assert [module for module in modules if module.split(".")[0] in ours] == []


def _python(code: str) -> str:
    argv = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
