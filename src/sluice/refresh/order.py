"""In which order segments are evaluated. Read when Airflow parses its DAGs: pure, and without an engine."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from sluice.definition.models.project import Project
from sluice.errors import DefinitionError


def order(project: Project) -> list[str]:
    """Every segment after those it reads; by name where nothing else decides. Raises `DefinitionError` on a cycle."""
    sorter = TopologicalSorter(
        {name: sorted(set(one.reads) & set(project.segments)) for name, one in sorted(project.segments.items())}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        raise DefinitionError(f"segments read each other in a circle: {' -> '.join(error.args[1][::-1])}") from None
    names: list[str] = []
    while ready := sorted(sorter.get_ready()):
        names += ready
        sorter.done(*ready)
    return names
