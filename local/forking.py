"""`python -m local.forking scheduler ...`: an Airflow command that imports what its children need before it forks.

The scheduler forks a process for each task, and the DAG processor one for each parse. Each child imports Airflow's SDK
and Sluice before it does anything else. If its parent has imported them, they are in memory already.

Nothing here may start a thread: a fork copies locks, but not the threads that would release them. So Arrow, Polars and
DuckDB stay out.
"""

from __future__ import annotations

import importlib
import sys

FOR_TASKS = (
    "airflow.sdk.execution_time.task_runner",
    "sluice.airflow.dags",
    "sluice.airflow.refresh",
    "sluice.airflow.operators",
    "sluice.airflow.sensors.refreshes",
)
FOR_PARSES = ("airflow.dag_processing.processor", "sluice.airflow.dags", "sluice.airflow.refresh")
IMPORTED = {"scheduler": FOR_TASKS, "dag-processor": FOR_PARSES}


def main() -> None:
    """Import, then become the Airflow command."""
    for module in IMPORTED.get(sys.argv[1], ()):
        importlib.import_module(module)
    from airflow.__main__ import main as airflow

    sys.argv[0] = "airflow"
    airflow()


if __name__ == "__main__":
    main()
