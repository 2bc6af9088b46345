"""Imports what forked processes need, once, in the process that forks them.

The scheduler of a LocalExecutor and a Celery worker fork a process for each task, and the DAG processor forks one for
each parse. Such a child would spend most of its time on imports. What its parent has imported is in its memory already,
and in that of every other child, without taking more of it.

A fork copies locks, but not the threads that would release them. Arrow, Polars, DuckDB and NumPy may be imported here,
because imports start nothing but the threads of allocators, which are prepared for forks. They must not be *used*.

A child would also do many things for the first time: compile patterns, fill the caches of abstract classes, look up the
versions of packages. So the parent builds one DAG and looks up the versions. Neither starts a thread.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import sluice
from sluice.airflow.private import PARSER, TASK_RUNNER

log = logging.getLogger(__name__)
_DAGS = ("sluice.airflow.dags", "sluice.airflow.refresh")
_STEPS = (
    "sluice.airflow.receipts",
    "sluice.delivery.cleaning.clean",
    "sluice.delivery.extract",
    "sluice.delivery.finish",
    "sluice.delivery.follow_up.follow_up",
    "sluice.delivery.publish.publish",
    "sluice.delivery.resend",
    "sluice.delivery.upload.upload",
    "sluice.delivery.verifying",
    "sluice.doctor.clocks",
    "sluice.doctor.workers",
    "sluice.filesystem.access",
    "sluice.filesystem.creating",
    "sluice.refresh.evaluate",
    "sluice.runs.compact",
)
_ENGINES = ("pyarrow.parquet", "pyarrow.compute", "numpy.ma", "polars", "duckdb", "isal.igzip_threaded")
FOR_TASKS = (TASK_RUNNER, *_DAGS, *_STEPS, *_ENGINES)
FOR_PARSES = (PARSER, *_DAGS)
_FORKING = {("scheduler",): FOR_TASKS, ("celery", "worker"): FOR_TASKS, ("dag-processor",): FOR_PARSES}
"""The commands whose processes fork, and what their children import."""


def needed(command: Sequence[str]) -> tuple[str, ...]:
    """What the children of an `airflow` command import; nothing for a command that forks none."""
    for words, modules in _FORKING.items():
        if tuple(command[: len(words)]) == words:
            return modules if modules is FOR_PARSES or _tasks_are_forked(words[0]) else ()
    return ()


def import_for_children() -> None:
    """Import what the children of this process need, and rehearse a parse. What fails is left to the children."""
    modules = needed(sys.argv[1:])
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception:
            log.warning("%s was not imported for tasks and parses", module, exc_info=True)
    if modules:
        try:
            rehearse()
        except Exception:
            log.warning("no parse was rehearsed for tasks and parses", exc_info=True)


def rehearse() -> None:
    """Build the DAG of the starter project's export, and look up the versions of packages."""
    from sluice.airflow.dags import export_dags
    from sluice.delivery.report.report import versions

    include = Path(sluice.__file__).parent / "starter" / "include"
    for _ in export_dags(include, "export__reachable_customers"):
        versions()


def _tasks_are_forked(command: str) -> bool:
    """Whether this process forks tasks: a scheduler does it for the LocalExecutor alone, and never on macOS."""
    from airflow.sdk import conf

    executor = str(conf.get("core", "executor", fallback=""))
    return sys.platform != "darwin" and (command != "scheduler" or "LocalExecutor" in executor)
