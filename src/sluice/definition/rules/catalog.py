"""Rules of the catalog."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.catalog import SYSTEM_REFRESH, Dataset, Refresh, Segment, SystemRefresh
from sluice.definition.rules.known import Known


def members_can_be_told_apart(segment: Segment, known: Known) -> Iterator[Problem]:
    """A segment lists its members by the key of a row. The key of events is that of their entity, which many share."""
    dataset = known.get("dataset", segment.dataset)
    if dataset is not None and dataset.row_key is None:
        what = f"`{segment.dataset}` contains events without an `event_id`, so a segment cannot tell them apart"
        advice = (
            f"for a segment of people, write their dataset here, and add `{segment.dataset}` to `reads`; for a segment"
            f" of events, add `event_id` to `{segment.dataset}`"
        )
        yield Problem(("dataset",), what, advice)


def event_id_is_of_events(dataset: Dataset, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    if dataset.event_id is not None and dataset.kind != "event":
        what = f"only events have an `event_id`, but `{dataset.name}` is of kind `{dataset.kind}`"
        yield Problem(("event_id",), what, "delete the key: `key` already identifies a row", key=True)


def contacts_are_contacts_of_accounts(dataset: Dataset, known: Known) -> Iterator[Problem]:
    if dataset.contacts is None:
        return
    if dataset.kind != "account":
        what = f"only accounts have `contacts`, but `{dataset.name}` is of kind `{dataset.kind}`"
        yield Problem(("contacts",), what, "delete the key, or write `kind: account`", key=True)
    other = known.get("dataset", dataset.contacts.dataset)
    if other is not None and other.kind != "contact":
        what = f"`{other.name}` is of kind `{other.kind}`, so it does not contain the accounts' contacts"
        yield Problem(("contacts", "dataset"), what, "name a dataset of kind `contact`")


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
