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
        what = f"a segment holds profiles, accounts or contacts, and `{segment.dataset}` holds {rows}"
        advice = f"name the entity's dataset here, and `{segment.dataset}` under `reads`"
        yield Problem(("dataset",), what, advice)


def tells_what_is_new_as_its_source_can(dataset: Dataset, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    declared, own = dataset.incremental, dataset.source.added_by
    if isinstance(declared, str) and declared != own:
        what = f"a source of type `{dataset.source.type}` does not tell what is new by its {declared}"
        yield Problem(("incremental",), what, f"write `{own}`, or a column" if own else "name a column")


def is_named_like_no_dataset(segment: Segment, known: Known) -> Iterator[Problem]:
    """Both are tables in the SQL of other segments."""
    if known.has("dataset", segment.name):
        yield Problem((), f"a dataset is named `{segment.name}` too", "rename one of them: both are tables in SQL")


def reads_no_circle(segment: Segment, known: Known) -> Iterator[Problem]:
    """Said once a circle, at its first name in the order of letters."""
    circle = _circle(segment.name, known)
    if circle and segment.name == min(circle):
        what = f"segments read each other in a circle: {' -> '.join(circle)}"
        index = segment.reads.index(circle[1])
        yield Problem(("reads", index), what, "take one `reads` out of the circle")


def _circle(start: str, known: Known) -> list[str]:
    """The shortest way from a segment over `reads` back to it; empty where there is none."""
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
        what = f"there is one system refresh, and it is named `{SYSTEM_REFRESH}`"
        yield Problem(("type",), what, f"delete `{refresh.name}`, or give it the type `dag`")
    if not system and refresh.name == SYSTEM_REFRESH:
        what = f"`{SYSTEM_REFRESH}` is the DAG that Sluice makes: its type is `system`"
        yield Problem(("type",), what, "write `type: system`, or give this refresh another name")
