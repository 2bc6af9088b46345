"""The order in which segments are evaluated. Pure and without an engine, because Airflow calls it on each DAG parse."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from sluice.definition.models.project import Project
from sluice.errors import DefinitionError


def order(project: Project) -> list[str]:
    """All segments, each after those it reads, otherwise by name. Raises `DefinitionError` for a cycle."""
    sorter = TopologicalSorter(
        {name: sorted(set(one.reads) & set(project.segments)) for name, one in sorted(project.segments.items())}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        raise DefinitionError(f"segments read each other in a cycle: {' -> '.join(error.args[1][::-1])}") from None
    names: list[str] = []
    while ready := sorted(sorter.get_ready()):
        names += ready
        sorter.done(*ready)
    return names
