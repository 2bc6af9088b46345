"""The same export inside a DAG run of a local Airflow, and outside of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from benchmarks.place import HOME, REPOSITORY, WORLD, emptied, settled
from benchmarks.process import Failed, Measured
from benchmarks.readback import of_files, of_source
from benchmarks.runs import Outcome, Result, Rounds
from local.airflow import Airflow
from local.layout import Layout
from sluice.airflow import runs
from sluice.airflow.rest import Rest
from sluice.airflow.runs import Run, Task
from sluice.errors import SluiceError

DAG_ID = "export__ndjson"
OUT = HOME / "out" / "dag-inside"
PATIENCE = 1800.0
_SETTINGS = """\
airflow:
  connections:
    - {{conn_id: lake, conn_type: fs, conn_extra: {{path: {home}}}}}
    - {{conn_id: sluice_staging, conn_type: fs, conn_extra: {{path: {world}}}}}
    - {{conn_id: out, conn_type: fs, conn_extra: {{path: {out}}}}}
"""


class DagRounds(Rounds):
    """Outside with Airflow stopped, then inside with nothing else running: a round."""

    def measure_inside(self, number: int) -> Outcome:
        """One DAG run: its records over the time in which its upload tasks were sending."""
        emptied(OUT)
        settled()
        with _airflow() as rest:
            run = _run(rest)
            began, ended, records, size, files = _sending(rest, run)
        seconds = ended - began
        measured = Measured(total=seconds, work=seconds, cpu=0, rss=0)
        return Outcome(subject="inside", round=number, rows=records, measured=measured, bytes=size, files=files)

    def run(self, rounds: int) -> Result:
        """Measure everything."""
        result = self.empty()
        began = time.monotonic()
        inside, outside = self.work.subjects
        for number in range(rounds):
            self.turn(outside, number, result)
            _by_report(result.of("outside")[-1:])
            try:
                outcome = self.measure_inside(number)
                if number == 0:
                    result.verified["inside"] = self._read_back()
            except (Failed, SluiceError) as failed:
                result.missing["inside"] = str(failed)
                print(f"  {inside.title}: {failed}", flush=True)
                break
            result.outcomes.append(outcome)
            print(f"  {inside.title:42} {outcome.rows / outcome.measured.work:>11,.0f} rows/s", flush=True)
        result.seconds = time.monotonic() - began
        return result

    def _read_back(self) -> int:
        files = sorted(OUT.glob(self.work.files))
        expected, found = of_source(self.source(self.work.subjects[0]), filtered=False), of_files(files)
        if found != expected:
            raise Failed(f"wrote {found}, where the source holds {expected}")
        return found.rows


def _by_report(outcomes: list[Outcome]) -> None:
    """Outside counts as inside does: by the seconds that uploads took."""
    for outcome in outcomes:
        seconds = float(outcome.measured.said["seconds"])
        outcome.measured = outcome.measured.model_copy(update={"total": seconds, "work": seconds})


@contextmanager
def _airflow() -> Iterator[Rest]:
    """A local Airflow of the benchmark's own, with its declarations."""
    settings = HOME / "airflow_settings.yaml"
    settings.write_text(_SETTINGS.format(home=HOME, world=WORLD, out=OUT))
    layout = Layout(
        home=HOME / "airflow",
        root=HOME,
        include=WORLD / "include",
        dags=REPOSITORY / "dags",
        settings=settings,
        port=0,
        environment={"AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "300"},
    )
    airflow = Airflow(layout)
    try:
        address = airflow.start()
        yield Rest(address.url, address.user, address.password)
    finally:
        airflow.stop()


def _run(rest: Rest) -> str:
    """Trigger the export once its DAG is there, and wait for its end; the run's id."""
    deadline = time.monotonic() + PATIENCE
    while not any(dag["dag_id"] == DAG_ID for dag in rest.every("dags", "dags")):
        _within(deadline, f"{DAG_ID} has not been parsed")
    run: str = rest.post(f"dags/{DAG_ID}/dagRuns", {"logical_date": None, "conf": {"mode": "full"}})["dag_run_id"]
    while (state := rest.get(f"dags/{DAG_ID}/dagRuns/{run}")["state"]) in ("queued", "running"):
        _within(deadline, f"{run} has not ended")
    if state != "success":
        raise Failed(f"the DAG run {run} ended in state {state}")
    return run


def _sending(rest: Rest, run: str) -> tuple[float, float, int, int, int]:
    """When the first upload task began to send and the last one ended, in UNIX seconds; records, bytes and files."""
    path = f"dags/{DAG_ID}/dagRuns/{run}/taskInstances"
    began, ended = [], []
    for task in rest.every(path, "task_instances"):
        if task["task_id"] != "upload":
            continue
        end = datetime.fromisoformat(task["end_date"]).timestamp()
        upload = Task(Run(DAG_ID, run), "upload", task["map_index"], title="", state="", tries=0)
        began.append(end - runs.progress(rest, upload)["seconds"])
        ended.append(end)
    report: Any = rest.get(f"{path}/publish/xcomEntries/return_value", deserialize=True)
    value = report["value"]
    return min(began), max(ended), value["records"], value["bytes"], value["files"]


def _within(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise Failed(f"{what} within {PATIENCE:.0f} s")
    time.sleep(0.5)
