"""`python -m benchmarks.overhead`: what a delivery of 1,000 rows costs beyond what its tasks cost in any DAG.

An export and a DAG of the same tasks that do nothing run in turn in one real Airflow. The times are from the trigger to
the end of the task `publish`; the CPU seconds are those of all processes of Airflow but the DAG processor.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import psutil
import pyarrow as pa  # noqa: TID253 - makes the lake
import pyarrow.parquet as pq  # noqa: TID253

from benchmarks.place import HOME, REPOSITORY, emptied
from benchmarks.process import Failed
from benchmarks.world import World
from local.airflow import Airflow
from local.layout import Layout
from sluice.airflow.rest import Rest

ROWS = 1_000
ROUNDS = 10
LIMIT = 1.2
"""The most that an export may take, as a multiple of the DAG that does nothing."""
PATIENCE = 600.0
EXPORT, NOTHING = "export__small", "nothing"
ROOT = HOME / "overhead"
DAG_OF_NOTHING = '''\
"""The tasks of an export, which do nothing."""

from airflow.sdk import DAG, BaseOperator


class Nothing(BaseOperator):
    def __init__(self, *, shard=None, **more):
        super().__init__(**more)

    def execute(self, context):
        return [{"shard": 1}] if self.task_id == "chunk" else None


with DAG("nothing", schedule=None, max_active_runs=1):
    wait, extract, chunk = (Nothing(task_id=name) for name in ("wait_for_refreshes", "extract", "chunk"))
    upload = Nothing.partial(task_id="upload").expand(shard=chunk.output)
    publish = Nothing(task_id="publish", trigger_rule="none_failed_min_one_success")
    finish = Nothing(task_id="finish").as_teardown(on_failure_fail_dagrun=True)
    wait >> extract >> chunk >> upload >> publish >> finish
    chunk >> publish
'''
_SETTINGS = """\
airflow:
  connections:
    - {{conn_id: lake, conn_type: fs, conn_extra: {{path: {root}/lake}}}}
    - {{conn_id: sluice_staging, conn_type: fs, conn_extra: {{path: {root}/staging}}}}
    - {{conn_id: out, conn_type: fs, conn_extra: {{path: {root}/out}}}}
"""


@dataclass(frozen=True)
class Took:
    """One run: seconds from the trigger to published, and CPU seconds of Airflow until the run ended."""

    wall: float
    cpu: float


def main() -> int:
    """Exit status 0 whatever the figures are: the last line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    took: dict[str, list[Took]] = {EXPORT: [], NOTHING: []}
    with _airflow() as (airflow, rest):
        for number in range(rounds + 1):
            for dag_id, found in took.items():
                one = _run(airflow, rest, dag_id)
                print(
                    f"{'warm-up' if number == 0 else f'round {number}'}: {dag_id:14} {one.wall:6.2f} s, "
                    f"{one.cpu:6.2f} CPU s",
                    flush=True,
                )
                found += [one] if number else []
    print()
    wall, cpu = (_ratio(took, kind) for kind in ("wall", "cpu"))
    fine = max(wall, cpu) <= LIMIT
    print(
        f"{'met' if fine else 'MISSED'}: a delivery of {ROWS:,} rows takes {wall:.2f}x the time and {cpu:.2f}x the CPU "
        f"of a DAG that does nothing; the limit is {LIMIT}x"
    )
    return 0


def _ratio(took: dict[str, list[Took]], kind: str) -> float:
    """The quotient of the medians, with what it was made of."""
    export, nothing = (
        statistics.median(float(getattr(one, kind)) for one in took[dag_id]) for dag_id in (EXPORT, NOTHING)
    )
    print(f"{kind}: export {export:.2f} s, nothing {nothing:.2f} s, {export / nothing:.2f}x")
    return export / nothing


@contextmanager
def _airflow() -> Iterator[tuple[Airflow, Rest]]:
    """A local Airflow of the benchmark's own with both DAGs."""
    shutil.rmtree(ROOT, ignore_errors=True)
    rows = pa.table({"profile_id": range(ROWS), "email": [f"p{number}@example.com" for number in range(ROWS)]})
    pq.write_table(rows, emptied(ROOT / "lake" / "small") / "0.parquet")
    World(ROOT, ROOT / "lake", ROOT / "out").declare_case("small", "small", "format: {type: csv}\nschedule: 'off'")
    dags = emptied(ROOT / "dags")
    shutil.copy(REPOSITORY / "dags" / "exports.py", dags)
    (dags / "nothing.py").write_text(DAG_OF_NOTHING)
    for folder in ("staging", "out"):
        emptied(ROOT / folder)
    settings = ROOT / "airflow_settings.yaml"
    settings.write_text(_SETTINGS.format(root=ROOT))
    layout = Layout(
        home=ROOT / "airflow",
        root=ROOT,
        include=ROOT / "include",
        dags=dags,
        settings=settings,
        port=0,
        reparse=3600,
        environment={"AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3600"},
    )
    airflow = Airflow(layout)
    try:
        address = airflow.start()
        rest = Rest(address.url, address.user, address.password)
        deadline = time.monotonic() + PATIENCE
        while {dag["dag_id"] for dag in rest.every("dags", "dags")} != {EXPORT, NOTHING}:
            _within(deadline, "the DAGs have not been parsed")
        yield airflow, rest
    finally:
        airflow.stop()


def _run(airflow: Airflow, rest: Rest, dag_id: str) -> Took:
    """One run, after everything has calmed down."""
    time.sleep(3)
    before, began = _cpu(airflow), time.time()
    run = rest.post(f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": {}})["dag_run_id"]
    path, deadline = f"dags/{dag_id}/dagRuns/{run}", time.monotonic() + PATIENCE
    while (state := rest.get(path)["state"]) in ("queued", "running"):
        _within(deadline, f"{run} has not ended")
    used = _cpu(airflow) - before
    if state != "success":
        raise Failed(f"the run {run} of {dag_id} ended in state {state}")
    published = rest.get(f"{path}/taskInstances/publish")["end_date"]
    return Took(datetime.fromisoformat(published).timestamp() - began, used)


def _cpu(airflow: Airflow) -> float:
    """CPU seconds of the scheduler with all tasks, the API server, the triggerer and the database so far."""
    found = 0.0
    for process in airflow.processes():
        if process.name != "dag-processor":
            leader = psutil.Process(process.pid)
            for one in (leader, *leader.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    found += sum(one.cpu_times()[:4])
    return found


def _within(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise Failed(f"{what} within {PATIENCE:.0f} s")
    time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
