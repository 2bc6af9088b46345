"""Rules of the catalog."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.catalog import SYSTEM_REFRESH, Dataset, Refresh, Segment, SystemRefresh
from sluice.definition.rules.known import Known


def is_a_segment_of_entities(segment: Segment, known: Known) -> Iterator[Problem]:
    dataset = known.get("dataset", segment.dataset)
    if dataset is not None and dataset.kind in ("event", "table"):
        rows = "events" if dataset.kind == "event" else "rows of kind `table`"
        what = f"a segment contains profiles, accounts or contacts, but `{segment.dataset}` contains {rows}"
        advice = f"write the entity's dataset here, and add `{segment.dataset}` to `reads`"
        yield Problem(("dataset",), what, advice)


def incremental_fits_its_source(dataset: Dataset, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    declared, own = dataset.incremental, dataset.source.added_by
    if isinstance(declared, str) and declared != own:
        what = f"a source of type `{dataset.source.type}` cannot find added rows by `{declared}`"
        advice = f"write `{own}`, or `{{column: ...}}`" if own else "write `{column: ...}`"
        yield Problem(("incremental",), what, advice)


def is_named_like_no_dataset(segment: Segment, known: Known) -> Iterator[Problem]:
    """Both are tables in the SQL of other segments."""
    if known.has("dataset", segment.name):
        yield Problem((), f"a dataset is also named `{segment.name}`", "rename one of them: both are tables in SQL")


def reads_no_circle(segment: Segment, known: Known) -> Iterator[Problem]:
    """A cycle is reported once, at its alphabetically first segment."""
    circle = _circle(segment.name, known)
    if circle and segment.name == min(circle):
        what = f"segments read each other in a cycle: {' -> '.join(circle)}"
        index = segment.reads.index(circle[1])
        yield Problem(("reads", index), what, "delete one entry of `reads` to break the cycle")


def _circle(start: str, known: Known) -> list[str]:
    """The shortest path from a segment over `reads` back to itself; empty if there is none."""
    ahead, seen = [[start]], set()
    while ahead:
        way = ahead.pop(0)
        segment = known.get("segment", way[-1])
        for name in segment.reads if segment else ():
            if name == start:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ahead.append([*way, name])
    return []


def is_the_one_system_refresh(refresh: Refresh, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    system = isinstance(refresh, SystemRefresh)
    if system and refresh.name != SYSTEM_REFRESH:
        what = f"the only refresh of type `system` is `{SYSTEM_REFRESH}`"
        yield Problem(("type",), what, f"delete `{refresh.name}`, or write `type: dag`")
    if not system and refresh.name == SYSTEM_REFRESH:
        what = f"`{SYSTEM_REFRESH}` is the DAG that Sluice provides, and its type is `system`"
        yield Problem(("type",), what, "write `type: system`, or rename this refresh")
