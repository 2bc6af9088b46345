"""Memory and disk of the workers, compared with the byte budget of a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sluice.definition.models.export import Export
from sluice.doctor.check import Check, error, many, ok, size, warning
from sluice.doctor.workers import Worker
from sluice.sql.spilling import FULL

INTERPRETER = 250 * 10**6
"""The interpreter and its libraries, beside the budget."""


def check_memory(worker: Worker, budget: int, tasks: int) -> Iterator[Check]:
    """Whether tasks of so many bytes fit into the worker's memory: one, and as many as it runs at once. `tasks` is the
    most that the exports can start at the same time."""
    if not worker.memory:
        return
    one = budget + INTERPRETER
    at_once = max(1, min(worker.airflow.at_once or 1, tasks))
    has = f"{worker.host} has {size(worker.memory)}, {size(worker.free)} free"
    if one > worker.memory:
        yield error(
            "memory", f"{has}; a task needs {size(one)}", "lower `memory` in project.yaml, or use larger workers"
        )
    elif at_once * one > worker.memory:
        fit = worker.memory // one
        yield warning(
            "memory",
            f"{has}; it may run {at_once} tasks of exports at once, which need {size(at_once * one)}",
            f"let a worker run at most {fit} tasks (`[celery] worker_concurrency`, `[core] parallelism`), or lower"
            " `memory`, or limit connections with `limits.at_once`",
        )
    elif one > worker.free:
        yield warning("memory", f"{has}; a task needs {size(one)}", "find out which processes use its memory")
    else:
        yield ok("memory", f"{has}; {many(at_once, 'task')} at once: {size(at_once * one)}")


def check_disk(worker: Worker, budget: int) -> Iterator[Check]:
    """Whether SQL engines can spill. A worker that is out of disk fails such runs, and others go on."""
    has = f"{worker.host} has {size(worker.disk)} free in {worker.temporary or 'no folder for temporary files'}"
    advice = "free space there, or set TMPDIR to a larger disk: SQL engines spill to it"
    if worker.disk < FULL:
        yield error("disk", has, advice)
    elif worker.disk < 2 * budget:
        yield warning("disk", f"{has}, less than twice the memory of a task, {size(budget)}", advice)
    else:
        yield ok("disk", has)


def largest_budget(project: int, exports: Mapping[str, Export]) -> int:
    """The memory limit of the hungriest task."""
    return max([int(project), *(int(export.memory) for export in exports.values() if export.memory)])


def tasks_at_once(exports: Mapping[str, Export]) -> int:
    """The most tasks that the exports can start at the same time: their shards."""
    return max(1, sum(export.chunks.shards for export in exports.values() if export.enabled))
