"""Rules of which rows an export delivers."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.export import ExportBase
from sluice.definition.rules.exports import datasets_of
from sluice.definition.rules.known import Known


def events_name_what_tells_them_apart(export: ExportBase, known: Known) -> Iterator[Problem]:
    """The key of an event is the entity that it belongs to."""
    if export.unique is None or export.unique.by:
        return
    for feed, dataset in datasets_of(export, known):
        if dataset.kind == "event":
            what = f"`{feed.name}` holds events, and its key `{dataset.key}` does not tell one from another"
            yield Problem(("unique",), what, "name the columns that do, as `by: [...]`", key=True)
            return


def deviation_is_of_full_deliveries(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    if export.expect.max_deviation is not None and getattr(export, "mode", "full") != "full":
        what = "this export delivers what is new: how much that is says nothing of the last deliveries"
        yield Problem(
            ("expect", "max_deviation"), what, "write `min_records` and `max_records`, or `mode: full`", key=True
        )
