"""Imports what forked processes need, once, in the process that forks them.

The scheduler of a LocalExecutor and a Celery worker fork a process for each task, and the DAG processor forks one for
each parse. Such a child would spend most of its time on imports. What its parent has imported is in its memory already,
and in that of every other child, without taking more of it.

A fork copies locks, but not the threads that would release them. Arrow, Polars, DuckDB and NumPy may be imported here,
because imports start nothing but the threads of allocators, which are prepared for forks. They must not be *used*.

What every child would look up again, and what cannot change while its parent runs, is looked up here as well: the
versions of packages take longer than the rest of `extract`.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence

from sluice.airflow.private import PARSER, TASK_RUNNER

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
    """Import what the children of this process need. An import that fails is left to the child that needs it."""
    for module in needed(sys.argv[1:]):
        try:
            importlib.import_module(module)
        except Exception:
            logging.getLogger(__name__).warning("%s was not imported for tasks and parses", module, exc_info=True)
    if needed(sys.argv[1:]) is FOR_TASKS:
        from sluice.delivery.report.report import versions

        versions()


def _tasks_are_forked(command: str) -> bool:
    """Whether this process forks tasks: a scheduler does it for the LocalExecutor alone, and never on macOS."""
    from airflow.sdk import conf

    executor = str(conf.get("core", "executor", fallback=""))
    return sys.platform != "darwin" and (command != "scheduler" or "LocalExecutor" in executor)
