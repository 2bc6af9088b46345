"""`python -m benchmarks.parse`: CPU seconds of parsing and serializing the DAGs of 1,000 exports, and of dag-factory.

Each subject is a process that does what Airflow's DAG processor does with a DAG file: fill a DAG bag from it, serialize
every DAG. Its imports do not count. dag-factory makes as many DAGs, each with as many tasks, from one YAML file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.place import HOME, PEERS, REPOSITORY, emptied, environment
from benchmarks.process import Failed

EXPORTS, MORE = 1_000, 10_000
ROUNDS = 5
LIMIT, LINEAR = 0.7, 11.0
"""The most of dag-factory's CPU time, and the most that ten times as many exports may take, as a multiple."""
ROOT = HOME / "parse"
TASKS = ("wait_for_refreshes", "extract", "chunk", "upload", "publish", "finish")
PROBE = """\
import json, logging, sys, time
from pathlib import Path
import {imported}
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization

logging.disable(logging.CRITICAL)
file = Path({file!r})
began = time.process_time()
bag = BundleDagBag(dag_folder=str(file), bundle_path=file.parent, bundle_name="bench", load_op_links=False)
loaded = time.process_time()
for dag in bag.dags.values():
    DagSerialization.to_dict(dag)
ended = time.process_time()
tasks = sum(len(dag.tasks) for dag in bag.dags.values())
print(json.dumps(dict(load=loaded - began, serialize=ended - loaded, dags=len(bag.dags), tasks=tasks,
                      errors=list(map(str, bag.import_errors.values())))))
"""
EXPORT = """\
title: Number {number}
kind: segment-export
connection: drop
segments: [vips]
fields: [id, email, balance]
schedule: {{daily: "{hour:02d}:{minute:02d}"}}
"""
SOURCE = "{type: parquet, airflow_conn_id: lake, path: people}"
OPERATOR = "airflow.providers.standard.operators.empty.EmptyOperator"
DAG_FACTORY = """\
from airflow.sdk import DAG
from dagfactory import load_yaml_dags

load_yaml_dags(globals_dict=globals(), config_filepath={file!r})
"""


def main() -> int:
    """Exit status 0 whatever the figures are: the last line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parse")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    for number in (EXPORTS, MORE):
        declare(ROOT / f"{number}", number)
    factory = dag_factory(emptied(ROOT / "dag-factory"))
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_sluice(EXPORTS))
        theirs.append(_measured("dag-factory", PEERS, "dagfactory.dagfactory", factory, EXPORTS))
    more = min(_sluice(MORE) for _ in range(2))
    ratio, growth = statistics.median(ours) / statistics.median(theirs), more / min(ours)
    print(f"\n{EXPORTS:,} exports take {ratio:.2f}x the CPU time of dag-factory (limit {LIMIT}x)")
    print(f"{MORE:,} exports take {growth:.1f}x the CPU time of {EXPORTS:,} (limit {LINEAR:.0f}x)")
    met = ratio <= LIMIT and growth <= LINEAR
    print(f"{'met' if met else 'MISSED'}: {ratio:.2f}x dag-factory, {growth:.1f}x for ten times as many")
    return 0


def declare(folder: Path, number: int) -> None:
    """Write the declarations of so many exports."""
    include = emptied(folder / "include")
    files = {
        "project.yaml": "organization: bench\n",
        "connections/drop.yaml": "type: local\nairflow_conn_id: drop\n",
        "catalog/datasets.yaml": f"people: {{kind: profile, key: id, source: {SOURCE}}}\n",
        "catalog/segments.yaml": "vips: {dataset: people, where: balance > 9000}\n",
    }
    for one in range(number):
        files[f"exports/e{one:05d}.yaml"] = EXPORT.format(number=one, hour=one % 24, minute=one % 60)
    for name, text in files.items():
        path = include / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def dag_factory(folder: Path) -> Path:
    """Write a DAG file of dag-factory, with the tasks that an export has, as operators that do nothing."""
    after = dict(zip(TASKS[1:], TASKS, strict=False))
    tasks = "".join(
        f"    - {{task_id: {task}, operator: {OPERATOR}, dependencies: [{after.get(task, '')}]}}\n" for task in TASKS
    )
    dags = (
        f"number_{one:05d}:\n  description: Number {one}\n  schedule: '{one % 60} {one % 24} * * *'\n"
        "  start_date: 2026-01-01\n  catchup: false\n  max_active_runs: 1\n  tags: [bench]\n"
        f"  default_args: {{owner: bench, retries: 2}}\n  tasks:\n{tasks}"
        for one in range(EXPORTS)
    )
    (folder / "dags.yaml").write_text("".join(dags))
    file = folder / "dags.py"
    file.write_text(DAG_FACTORY.format(file=str(folder / "dags.yaml")))
    return file


def _sluice(number: int) -> float:
    include = ROOT / f"{number}" / "include"
    file = REPOSITORY / "dags" / "exports.py"
    more = {"SLUICE_INCLUDE": str(include)}
    return _measured(f"Sluice, {number:,}", Path(sys.executable), "sluice.airflow.dags", file, number, more)


def _measured(
    title: str, python: Path, imported: str, file: Path, dags: int, more: dict[str, str] | None = None
) -> float:
    """CPU seconds of one parse. Raises `Failed` if it did not make every DAG."""
    env = environment() | {
        "AIRFLOW_HOME": str(ROOT / python.parent.parent.name),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "3600",
    }
    if imported.startswith("dagfactory"):
        env |= {"PYTHONPATH": "", "AIRFLOW__DAG_FACTORY__DISABLE_TELEMETRY": "True", "DO_NOT_TRACK": "1"}
    argv = [str(python), "-c", PROBE.format(imported=imported, file=str(file))]
    done = subprocess.run(argv, env=env | (more or {}), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr[-2000:])
    said = json.loads(done.stdout.splitlines()[-1])
    if said["errors"] or said["dags"] != dags or said["tasks"] != dags * len(TASKS):
        raise Failed(f"{title}: {said}")
    seconds: float = said["load"] + said["serialize"]
    print(f"{title:14} {seconds:6.2f} CPU s: load {said['load']:.2f}, serialize {said['serialize']:.2f}", flush=True)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
